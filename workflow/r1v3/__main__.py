"""Commands: `python -m r1v3 snapshot | trace | compare | prune | crate | follow`; each has -h."""

import argparse
from pathlib import Path

from r1v3.provenance import commands


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m r1v3", description=__doc__)
    parser.add_argument("--recipe", default="tiny")
    parser.add_argument("--overlay", type=Path)
    parser.add_argument("--root", type=Path, default=Path.cwd(), help="the checkout")
    commands.add(parser.add_subparsers(required=True, metavar="command"))
    args = parser.parse_args()
    args.run(args)


if __name__ == "__main__":
    main()
