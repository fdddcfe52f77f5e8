"""Stage `prepare`: a source becomes records and pictures (section 2).

Reads config.json of a data set's folder; writes records.parquet, images/ and manifest.json there.

    python workflow/scripts/prepare.py --config results/data/<set>/config.json \
        --manifest results/data/<set>/manifest.json
"""

import argparse
from pathlib import Path

from r1v3.data.prepare import prepare
from r1v3.recipe.stage import run_stage


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--config", type=Path, required=True)
    parser.add_argument("--manifest", type=Path, required=True)
    args = parser.parse_args()
    run_stage(args.config, args.manifest, prepare)


if __name__ == "__main__":
    main()
