"""Shows a failed cluster job with its log, although the profile keeps rules quiet.

Snakemake's `quiet: rules` also hides the errors of jobs. On one machine, the rule's own output is on the
screen anyway. On a cluster, nothing would be.
"""

import copy
import logging
import time
from pathlib import Path

from snakemake.logging import DefaultFormatter
from snakemake.settings.enums import Quietness
from snakemake_interface_logger_plugins.common import LogEvent

NAME = "r1v3 failures"
CLOCKS = 2.0  # seconds by which the clocks of machines may differ


def show_failures(logger: logging.Logger, settings) -> None:
    """Write each failed job to standard error if rules are quiet, with its log if Snakemake shows logs.

    Args:
        settings: Snakemake's output settings.
    """
    there = any(handler.name == NAME for handler in logger.handlers)
    if there or Quietness.RULES not in (settings.quiet or ()):
        return
    handler = logging.StreamHandler()
    handler.name = NAME
    handler.setFormatter(OwnLogs(show_failed_logs=settings.show_failed_logs))
    handler.addFilter(_is_failure)
    logger.addHandler(handler)


class OwnLogs(DefaultFormatter):
    """Shows only logs that were written after this call began, because older logs are of other failures."""

    def __init__(self, *, show_failed_logs: bool):
        super().__init__(show_failed_logs=show_failed_logs)
        self.began = time.time() - CLOCKS

    def format(self, record: logging.LogRecord) -> str:
        own = copy.copy(record)
        said = own.__dict__  # Snakemake stores the parts of its message in attributes of its own
        if "log" in said:
            said["log"] = self._fresh(said["log"])
        if "job_error_info" in said:
            said["job_error_info"] = [
                {**info, "log": self._fresh(info["log"])} for info in said["job_error_info"]
            ]
        return super().format(own)

    def _fresh(self, logs: list[str] | None) -> list[str]:
        return [log for log in logs or () if self._written(Path(log))]

    def _written(self, log: Path) -> bool:
        return log.exists() and log.stat().st_mtime >= self.began


def _is_failure(record: logging.LogRecord) -> bool:
    return getattr(record, "event", None) in (LogEvent.JOB_ERROR, LogEvent.GROUP_ERROR)
