#!/usr/bin/env bash
# Runs the tiny recipe from data to report, then says where the report is. Arguments go to Snakemake.
set -euo pipefail
cd "$(dirname "$0")/.."
python workflow/scripts/unlock.py
snakemake --cores all "$@"
python workflow/scripts/show.py --summary results/summary.json --report results/report.html
