"""A failed job is told with its log where rules are quiet, once, and not where Snakemake tells it itself."""

import subprocess
import sys

import pytest

SNAKEFILE = """
from snakemake.logging import logger
from r1v3.cluster.failures import show_failures

for _ in range(2):
    show_failures(logger, workflow.output_settings)

rule broken:
    output: "made.txt"
    log: "said.txt"
    shell: "echo its own words > {log}; exit 1"
"""


@pytest.mark.slow
@pytest.mark.parametrize("quiet", [["rules"], ["rules", "host"], ["host"]])
def test_a_failed_job_is_told_once_with_its_log(quiet, tmp_path):
    (tmp_path / "Snakefile").write_text(SNAKEFILE)
    command = [sys.executable, "-m", "snakemake", "--cores", "1", "--show-failed-logs"]
    done = subprocess.run(
        [*command, "--workflow-profile", "none", "--quiet", *quiet, "--", "made.txt"],
        cwd=tmp_path,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    assert done.returncode == 1
    assert done.stdout.count("Error in rule broken") == 1, done.stdout
    assert done.stdout.count("\nits own words") == 1
