"""Stage `prepare`: turn sources into one clean set of records and pictures (section 2).

Reads config.json of a data set's folder, the listed sources, and the index of the evaluations if the set is
compared with them. Writes records.parquet, images/, rejected.jsonl, twins.jsonl and manifest.json.

    python workflow/scripts/prepare.py --config results/data/<set>/config.json \
        --evaluation-index results/evaluation_index/<id>/manifest.json \
        --manifest results/data/<set>/manifest.json
"""

import argparse
from functools import partial
from pathlib import Path

from r1v3.base.user_errors import run_main
from r1v3.data.prepare import prepare
from r1v3.recipe.graph.configs import SourceDataConfig
from r1v3.recipe.outputs.stage import run_stage


def work(args: argparse.Namespace, config: SourceDataConfig, folder: Path) -> dict:
    return prepare(config, folder, args.evaluation_index and args.evaluation_index.parent)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--config", type=Path, required=True)
    parser.add_argument("--evaluation-index", type=Path, nargs="?", help="manifest")
    parser.add_argument("--manifest", type=Path, required=True)
    args = parser.parse_args()
    run_stage(
        args.config,
        args.manifest,
        partial(work, args),
        SourceDataConfig,
        inputs=[args.evaluation_index],
    )


if __name__ == "__main__":
    run_main(main)
