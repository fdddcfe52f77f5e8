"""Shows a failed cluster job with its log, although rules are quiet.

`quiet: rules` of Snakemake also hides the errors of jobs. On one machine the rule's own output is on the
screen; on a cluster nothing would be.
"""

import logging

from snakemake.logging import DefaultFormatter
from snakemake.settings.enums import Quietness
from snakemake_interface_logger_plugins.common import LogEvent

NAME = "r1v3 failures"


def show_failures(logger: logging.Logger, settings) -> None:
    """Write each failed job to standard error where rules are quiet, with its log if Snakemake shows logs.

    Args:
        settings: Snakemake's output settings.
    """
    there = any(handler.name == NAME for handler in logger.handlers)
    if there or Quietness.RULES not in (settings.quiet or ()):
        return
    handler = logging.StreamHandler()
    handler.name = NAME
    handler.setFormatter(DefaultFormatter(show_failed_logs=settings.show_failed_logs))
    handler.addFilter(_is_failure)
    logger.addHandler(handler)


def _is_failure(record: logging.LogRecord) -> bool:
    return getattr(record, "event", None) in (LogEvent.JOB_ERROR, LogEvent.GROUP_ERROR)
