"""Saves the responses of an episode that is not complete yet.

A run that is killed while it samples or grades, or whose verifier fails, then samples nothing twice. Each
rank appends one line of JSON for each prompt to its own file in `resume/` as responses come. Each line has a
checksum. If it does not match, the line is reported and its prompt is sampled again, so damaged data never
reach a gradient. `saved_episodes` replaces these files once the episode is graded.
"""

import hashlib
import json
from pathlib import Path
from typing import Any

from r1v3.base.atomic_write import write_bytes
from r1v3.base.json_file import parse_line
from r1v3.generate.types import Response

LINE_SEAL = "sha256"  # checksum of the rest of the line; lines of earlier versions have none
KEYS = {"round", "place", "prompt", "samples"}
FIELDS = ("text", "token_ids", "logprobs", "finish_reason", "prompt_tokens")


class SavedSamples:
    """The responses of one rank to the prompts of one step.

    Args:
        folder: of the run's states.
        step: from 1.
    """

    def __init__(self, folder: Path, step: int, rank: int):
        self.path = Path(folder) / f"sampled-{step:06d}-{rank:03d}.jsonl"
        self.path.parent.mkdir(parents=True, exist_ok=True)
        self.saved = self._read()

    def of_round(self, seed: str, ids: list[str]) -> list[Response]:
        """Return the saved responses to the prompts of a round, with keys that are indices into `ids`.

        Args:
            seed: names the round.
            ids: ids of the round's prompts.
        """
        found: list[Response] = []
        for place, prompt in enumerate(ids):
            found += self.saved.get((str(seed), place, prompt), [])
        return found

    def add(self, seed: str, ids: list[str], responses: list[Response]) -> None:
        """Write all responses to some prompts; their keys are indices into `ids`, as in `of_round`."""
        groups: dict[str, list[Response]] = {}
        for response in responses:
            groups.setdefault(response.key, []).append(response)
        with self.path.open("a") as stream:
            for place, group in groups.items():
                samples = [[getattr(response, name) for name in FIELDS] for response in group]
                row = {"round": str(seed), "place": int(place), "prompt": ids[int(place)]}
                row |= {"samples": samples}
                stream.write(json.dumps(row | {LINE_SEAL: _seal_of(row)}) + "\n")

    def _read(self) -> dict[tuple[str, int, str], list[Response]]:
        """Read the file, and remove lines that were cut short by a kill or damaged on disk."""
        if not self.path.exists():
            return {}
        data = self.path.read_bytes()
        lines = data.splitlines(keepends=True)
        rows = [_row(line) for line in lines]
        for number, (line, row) in enumerate(zip(lines, rows, strict=True), 1):
            if row is None and line.endswith(b"\n"):
                print(f"{self.path}, line {number}: damaged; its prompt is asked again", flush=True)
        kept = b"".join(line for line, row in zip(lines, rows, strict=True) if row is not None)
        if kept != data:
            write_bytes(self.path, kept)
        saved: dict[tuple[str, int, str], list[Response]] = {}
        for row in filter(None, rows):
            saved[row["round"], row["place"], row["prompt"]] = [
                Response(str(row["place"]), number, text, tuple(ids), tuple(logprobs), *rest)
                for number, (text, ids, logprobs, *rest) in enumerate(row["samples"])
            ]
        return saved


def _row(line: bytes) -> dict[str, Any] | None:
    """Parse a line; None if it is incomplete or damaged."""
    row = parse_line(line)
    if row is None:
        return None
    seal = row.pop(LINE_SEAL, None)
    return row if set(row) == KEYS and seal in (None, _seal_of(row)) else None


def _seal_of(row: dict[str, Any]) -> str:
    return hashlib.sha256(json.dumps(row, sort_keys=True).encode()).hexdigest()


def delete_samples(folder: Path, through: int) -> None:
    """Delete every rank's samples of the steps up to `through`, whose episodes are saved."""
    for path in sorted(Path(folder).glob("sampled-*.jsonl")):
        if int(path.stem.split("-")[1]) <= through:
            path.unlink()
