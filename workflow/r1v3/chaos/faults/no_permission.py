"""results belong to another user who lets nobody write"""

import os
import shutil
import subprocess

from r1v3.chaos.tree import Hung, Tree

AGAIN = ("answers",)
SAYS = r"permission denied"
NOBODY = 65534
WITHOUT_RIGHTS = [
    "setpriv",
    "--bounding-set=-dac_override,-dac_read_search,-fowner",
    "--inh-caps=-dac_override,-dac_read_search,-fowner",
]


def possible() -> str:
    """Return why the folder of another user cannot be tried here; an empty text if it can."""
    if os.geteuid() != 0 or shutil.which("setpriv") is None:
        return "only root gives files away, and setpriv takes its rights over them"
    tried = subprocess.run([*WITHOUT_RIGHTS, "true"], capture_output=True, check=False)
    return "" if tried.returncode == 0 else "setpriv is not allowed here"


def strike(tree: Tree) -> None:
    """Give the folder of answers to another user, and call Snakemake without rights over others' files."""
    os.chown(tree.answers, NOBODY, NOBODY)
    tree.answers.chmod(0o755)
    tree.prefix = WITHOUT_RIGHTS
    if tree.call().wait() == 0:
        raise Hung("answers were written into the folder of another user")
    tree.prefix = []
    os.chown(tree.answers, os.getuid(), os.getgid())
