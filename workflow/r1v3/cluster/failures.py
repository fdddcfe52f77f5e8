"""A job that failed far away is shown with its log, although rules are quiet.

Snakemake counts the errors of jobs among what `quiet: rules` hides; on one machine a rule's own words are on
the screen already, on a cluster nothing would be.
"""

import logging

from snakemake.logging import DefaultFormatter
from snakemake.settings.enums import Quietness
from snakemake_interface_logger_plugins.common import LogEvent

NAME = "r1v3 failures"


def show_failures(logger: logging.Logger, settings) -> None:
    """Tell each failed job on the standard error where rules are quiet, with its log where that is asked for.

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
