"""The command line, `r1v3`: one small file for each command or family of commands.

A command imports its heavy packages when it is called, so that help and shell completion answer at once.
"""

from r1v3.cli.app import main

__all__ = ["main"]
