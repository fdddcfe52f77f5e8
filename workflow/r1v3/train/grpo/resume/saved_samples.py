"""Responses of an episode that is not complete yet.

They let a run that was killed while it sampled or graded, or whose verifier failed, sample nothing twice.
Each rank adds a line of JSON for each prompt to its own file in `resume/` as responses come.
`saved_episodes` replaces them once the episode is graded.
"""

import json
from pathlib import Path

from r1v3.generate.types import Response

FIELDS = ("text", "token_ids", "logprobs", "finish_reason", "prompt_tokens")


class SavedSamples:
    """One rank's responses of a step.

    Args:
        folder: of the run's states.
        step: from 1.
    """

    def __init__(self, folder: Path, step: int, rank: int):
        self.path = Path(folder) / f"sampled-{step:06d}-{rank:03d}.jsonl"
        self.path.parent.mkdir(parents=True, exist_ok=True)
        self.saved = self._read()

    def of_round(self, seed: str, ids: list[str]) -> list[Response]:
        """The saved responses to a round's prompts; their keys are the prompts' places in `ids`.

        Args:
            seed: names the round.
            ids: of the prompts.
        """
        found: list[Response] = []
        for place, prompt in enumerate(ids):
            found += self.saved.get((str(seed), place, prompt), [])
        return found

    def add(self, seed: str, ids: list[str], responses: list[Response]) -> None:
        """Write all responses to some prompts, with keys as `of_round` returns them."""
        groups: dict[str, list[Response]] = {}
        for response in responses:
            groups.setdefault(response.key, []).append(response)
        with self.path.open("a") as stream:
            for place, group in groups.items():
                samples = [[getattr(response, name) for name in FIELDS] for response in group]
                row = {"round": str(seed), "place": int(place), "prompt": ids[int(place)]}
                stream.write(json.dumps(row | {"samples": samples}) + "\n")

    def _read(self) -> dict[tuple[str, int, str], list[Response]]:
        """What was written; removes a line that a kill cut short."""
        if not self.path.exists():
            return {}
        data = self.path.read_bytes()
        complete = data[: data.rfind(b"\n") + 1]
        if complete != data:
            self.path.write_bytes(complete)
        saved: dict[tuple[str, int, str], list[Response]] = {}
        for row in map(json.loads, complete.splitlines()):
            saved[row["round"], row["place"], row["prompt"]] = [
                Response(str(row["place"]), number, text, tuple(ids), tuple(logprobs), *rest)
                for number, (text, ids, logprobs, *rest) in enumerate(row["samples"])
            ]
        return saved


def delete_samples(folder: Path, through: int) -> None:
    """Remove every rank's samples of the steps up to `through`, which are saved elsewhere."""
    for path in sorted(Path(folder).glob("sampled-*.jsonl")):
        if int(path.stem.split("-")[1]) <= through:
            path.unlink()
