"""What a disk refuses to Snakemake itself is told in one sentence, as the scripts of the rules tell it.

Snakemake writes the traceback of an `OSError` on the screen. It shows it still with `--verbose`.
"""

import logging
import sys

from r1v3.base.told import sentence


class DiskErrors(logging.Filter):
    """Says what, where and what to do where Snakemake stops on an error of the file system."""

    def filter(self, record: logging.LogRecord) -> bool:
        error = sys.exc_info()[1]
        if record.levelno >= logging.ERROR and isinstance(error, OSError) and error.errno:
            record.msg, record.args = sentence(error), ()
        return True
