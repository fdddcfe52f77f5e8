"""The command line `r1v3`: one file for each command or group of commands.

A command imports heavy packages only when it runs, so that help and shell completion are quick.
"""

from r1v3.cli.app import main

__all__ = ["main"]
