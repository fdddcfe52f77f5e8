"""Stage `link`: write the stable name of a run, results/runs/<run>.json.

Reads the run's manifest. Writes run, hash, folder, manifest and the run's facts.

    python workflow/scripts/link.py --manifest results/runs/<run>-<hash>/manifest.json \
        --output results/runs/<run>.json
"""

import argparse
from pathlib import Path

from r1v3.base.user_errors import run_main
from r1v3.recipe.outputs.manifest import read_manifest, write_json


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--manifest", type=Path, required=True)
    parser.add_argument("--output", type=Path, required=True)
    args = parser.parse_args()
    manifest = read_manifest(args.manifest)
    link = {
        "run": manifest["name"],
        "hash": manifest["hash"],
        "folder": args.manifest.parent.as_posix(),
        "manifest": args.manifest.as_posix(),
        **manifest["facts"],
    }
    write_json(args.output, link)


if __name__ == "__main__":
    run_main(main)
