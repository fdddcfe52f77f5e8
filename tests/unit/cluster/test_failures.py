"""A failed job is reported once with its log if rules are quiet, and not if Snakemake reports it itself."""

import logging
import os
import subprocess
import sys
import time

import pytest
from snakemake_interface_logger_plugins.common import LogEvent

from r1v3.cluster.failures import OwnLogs

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


def test_a_log_from_before_this_call_is_not_shown_as_its_failure(tmp_path):
    fresh, old = tmp_path / "fresh.txt", tmp_path / "old.txt"
    old.write_text("an older failure")
    os.utime(old, (time.time() - 60,) * 2)
    formatter = OwnLogs(show_failed_logs=True)
    fresh.write_text("this failure")
    record = logging.makeLogRecord({"event": LogEvent.GROUP_ERROR, "groupid": "g", "aux_logs": []})
    info = {"rule_name": "r", "jobid": 1, "output": [], "log": [str(fresh), str(old)]}
    record.msg, record.job_error_info = "", [info]
    said = formatter.format(record)
    assert "this failure" in said
    assert "an older failure" not in said
    assert info["log"] == [str(fresh), str(old)]  # other handlers see the record as it was
