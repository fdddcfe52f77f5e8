"""the disk is full while RL trains"""

import shutil

from r1v3.chaos.faults._mounts import mounted, no_mounts
from r1v3.chaos.tree import Tree

SAYS = r"disk is full|[Nn]o space left"
possible = no_mounts


def strike(tree: Tree) -> None:
    """Put RL's folder on a small file system that is filled while it trains. Later there is space again."""
    config = (tree.rl / "config.json").read_bytes()
    with mounted(tree.rl, "-t", "tmpfs", "-o", "size=8m", "tmpfs"):
        (tree.rl / "config.json").write_bytes(config)
        call = tree.call()
        tree.training(call)
        with open(tree.rl / ".ballast", "wb") as file:
            try:
                while True:
                    file.write(bytes(2**16))
                    file.flush()
            except OSError:
                pass
        call.wait()
        (tree.rl / ".ballast").unlink()
        shutil.copytree(tree.rl, tree.folder / "kept")
    shutil.rmtree(tree.rl)
    shutil.copytree(tree.folder / "kept", tree.rl)
