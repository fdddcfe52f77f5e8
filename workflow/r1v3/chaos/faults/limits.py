"""the shell allows a process little"""

from r1v3.chaos.tree import Tree

# Limits for `ulimit`: 100 open files, or files of at most 1,000 KiB, which is less than a checkpoint.
LIMITS = {"100 open files": "-n 100", "files of 1 MB": "-f 1000"}
CASES = tuple(LIMITS)


def strike(tree: Tree, case: str) -> None:
    """Call Snakemake under the limit. The next call has no limit."""
    tree.prefix = ["bash", "-c", f'ulimit {LIMITS[case]}; exec "$0" "$@"']
    tree.call().wait()
    tree.prefix = []
