"""Finds results that other code computed. Each workflow call, the report and `r1v3 status` show them."""

import contextlib
import logging
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from r1v3.base.atomic_write import write_text
from r1v3.provenance.result_folders import is_configured, result_folders
from r1v3.recipe.graph.results import ResultGraph
from r1v3.recipe.outputs.code import Outdated, outdated, outdated_lines
from r1v3.recipe.snakemake import asks_for_rerun, forced_by

NOTE = Path(".snakemake/other_code.txt")


def outdated_results(graph: ResultGraph) -> list[Outdated]:
    """Return the finished results of a configuration that other code computed."""
    root = graph.project.root
    folders = [found.folder for found in result_folders(root) if is_configured(graph, found.folder)]
    return outdated([graph.at(folder) for folder in folders], root)


@dataclass(frozen=True)
class OtherCode:
    """The results that a call of Snakemake makes again for their code, and the file that lists the others."""

    rerun: list[str]
    note: list[str]

    @classmethod
    def of(
        cls,
        graph: ResultGraph,
        config: dict[str, Any],
        arguments: list[str],
        logger: logging.Logger | None,
    ) -> "OtherCode":
        """Find such results, tell the user, and list them for the report; jobs, without a logger, skip it."""
        note = [NOTE.as_posix()] if NOTE.exists() else []
        if logger is None:
            return cls([], note)
        found = outdated_results(graph)
        rerun = [each.output for each in found] if asks_for_rerun(config) else []
        asked = {*rerun, *forced_by(arguments)}
        lines = outdated_lines([each for each in found if not {each.rule, each.output} & asked])
        for line in lines:
            logger.warning(line)
        return cls(rerun, _note(lines))


def _note(lines: list[str]) -> list[str]:
    """Write the lines if they changed. The report shows them, so Snakemake then makes it again."""
    if lines or NOTE.exists():
        text = "".join(f"{line}\n" for line in lines)
        with contextlib.suppress(OSError):
            if not NOTE.exists() or NOTE.read_text() != text:
                write_text(NOTE, text)
    return [NOTE.as_posix()] if NOTE.exists() else []
