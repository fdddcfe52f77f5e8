"""Check data before or after it is a set.

python -m r1v3.data check rows.jsonl more.parquet --mapping records --constant language=en
python -m r1v3.data check results/data/math_normal-0123456789
"""

import argparse
from pathlib import Path

from r1v3.data.check import check_files, check_set
from r1v3.data.sources.mappings import MAPPINGS
from r1v3.recipe.load import load_recipe


def main() -> int:
    parser = argparse.ArgumentParser(
        prog="python -m r1v3.data", description=__doc__.partition("\n")[0]
    )
    commands = parser.add_subparsers(required=True)
    check = commands.add_parser("check", help="validate files of rows, or a set's folder")
    check.add_argument("places", type=Path, nargs="+")
    check.add_argument("--mapping", choices=sorted(MAPPINGS), default="records")
    check.add_argument("--constant", action="append", default=[], metavar="FIELD=VALUE")
    check.add_argument("--recipe", default="paper", help="whose limits hold")
    args = parser.parse_args()
    folders = [place for place in args.places if place.is_dir()]
    files = [place for place in args.places if not place.is_dir()]
    found = [(str(folder), check_set(folder)) for folder in folders]
    if files:
        recipe, _ = load_recipe(Path("config/recipes"), args.recipe)
        shared = dict(constant.split("=", 1) for constant in args.constant)
        limits = recipe.cleaning.limits.model_dump()
        found.append(("files", check_files(files, args.mapping, shared, limits)))
    for name, checked in found:
        print("\n".join([name, *checked.lines()]))
    return 1 if any(checked.reasons for _, checked in found) else 0


if __name__ == "__main__":
    raise SystemExit(main())
