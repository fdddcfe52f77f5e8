"""the shell allows a process little"""

from r1v3.chaos.tree import Tree

# What `ulimit` sets: 100 open files, and files of 1,000 KiB at most, which no checkpoint fits into.
LIMITS = {"100 open files": "-n 100", "files of 1 MB": "-f 1000"}
CASES = tuple(LIMITS)


def strike(tree: Tree, case: str) -> None:
    """Call Snakemake under the limit, which the next call is free of."""
    tree.prefix = ["bash", "-c", f'ulimit {LIMITS[case]}; exec "$0" "$@"']
    tree.call().wait()
    tree.prefix = []
