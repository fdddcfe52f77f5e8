"""Responses of an episode that is not whole yet: a run that was killed while it sampled or graded, or whose
verifier failed, does not sample them twice.

Each rank adds a line of JSON a prompt to its own file in `resume/`, as responses come; `held_episodes` takes
their place once the episode is graded.
"""

import json
from pathlib import Path

from r1v3.generate.types import Response

FIELDS = ("text", "token_ids", "logprobs", "finish_reason", "prompt_tokens")


class HeldSamples:
    """One rank's responses of a step.

    Args:
        folder: of the states.
    """

    def __init__(self, folder: Path, step: int, rank: int):
        self.path = Path(folder) / f"sampled-{step:06d}-{rank:03d}.jsonl"
        self.path.parent.mkdir(parents=True, exist_ok=True)
        self.held = self._read()

    def of_round(self, seed: str, ids: list[str]) -> list[Response]:
        """Responses of a round's prompts that are there already, their keys the prompts' places.

        Args:
            seed: names the round.
            ids: of the prompts.
        """
        found = []
        for place, prompt in enumerate(ids):
            found += self.held.get((str(seed), place, prompt), [])
        return found

    def add(self, seed: str, ids: list[str], responses: list[Response]) -> None:
        """Write responses of whole prompts, keyed as `of_round` gives them."""
        groups: dict[str, list[Response]] = {}
        for response in responses:
            groups.setdefault(response.key, []).append(response)
        with self.path.open("a") as stream:
            for place, group in groups.items():
                samples = [[getattr(response, name) for name in FIELDS] for response in group]
                row = {"round": str(seed), "place": int(place), "prompt": ids[int(place)]}
                stream.write(json.dumps(row | {"samples": samples}) + "\n")

    def _read(self) -> dict[tuple[str, int, str], list[Response]]:
        """What was written; a line that a kill cut short is removed."""
        if not self.path.exists():
            return {}
        data = self.path.read_bytes()
        whole = data[: data.rfind(b"\n") + 1]
        if whole != data:
            self.path.write_bytes(whole)
        held = {}
        for row in map(json.loads, whole.splitlines()):
            held[row["round"], row["place"], row["prompt"]] = [
                Response(str(row["place"]), number, text, tuple(ids), tuple(logprobs), *rest)
                for number, (text, ids, logprobs, *rest) in enumerate(row["samples"])
            ]
        return held


def forget_samples(folder: Path, through: int) -> None:
    """Remove every rank's samples of steps that are whole elsewhere."""
    for path in sorted(Path(folder).glob("sampled-*.jsonl")):
        if int(path.stem.split("-")[1]) <= through:
            path.unlink()
