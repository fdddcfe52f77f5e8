"""Collects the content of a data card from a set's folder: counts, lengths, funnel, twins and samples."""

import base64
import io
import json
import random
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

from PIL import Image

from r1v3.base.json_file import read_json
from r1v3.data.records import Record, iter_records
from r1v3.data.rejected import SHOWN
from r1v3.recipe.outputs.config_file import read_resolved

SAMPLES = 8  # number of pictures on a card
WHOLE = 20_000  # bytes; of a larger picture a card contains a small copy
SMALL = (256, 256)  # size of that copy, pixels
EDGES = (0, 8, 16, 32, 64, 128, 256, 512, 1024, 2048, 4096, 8192, 16384)
FORMS = {
    "mcq": "multiple choice",
    "mcq_multi": "several letters",
    "fill": "fill-in",
    "open": "open",
}
STEPS = {
    "read": "rows read",
    "select": "not selected",
    "split": "of another split",
    "valid": "not valid",
    "licence": "licence forbids training",
    "date": "too new, or without a date",
    "duplicate": "near-duplicate in the set",
    "contaminated": "twin in an evaluation",
    "drawn": "not drawn",
}


@dataclass(frozen=True)
class Described:
    """The content of a set's card; `questions` and `responses` count by length in words."""

    name: str
    id: str
    folder: Path
    resolved: dict
    facts: dict
    questions: dict[str, int]
    responses: dict[str, int]
    samples: list[dict]
    twins: list[dict]

    @property
    def sampled(self) -> bool:
        """Return whether a model wrote the responses."""
        return "questions" in self.resolved


def describe_set(folder: Path) -> Described:
    """Read the folder of a set.

    Raises:
        FileNotFoundError: the set is not finished.
    """
    manifest = read_json(folder / "manifest.json")
    resolved = read_resolved(folder / "config.json")
    questions, responses = Counter(), Counter()
    chosen: list[Record] = []
    rng, seen = random.Random(folder.name), 0
    for record in iter_records(folder):
        questions[_bin(len(record.question.split()))] += 1
        if record.response:
            responses[_bin(len(record.response.split()))] += 1
        if record.images:  # reservoir sampling: each record with pictures is equally likely
            seen += 1
            if len(chosen) < SAMPLES:
                chosen.append(record)
            elif (place := rng.randrange(seen)) < SAMPLES:
                chosen[place] = record
    twins = []
    if (folder / "twins.jsonl").exists():
        with open(folder / "twins.jsonl", encoding="utf-8") as lines:
            twins = [json.loads(line) for line in lines]
    return Described(
        manifest["name"],
        folder.name,
        folder,
        resolved,
        manifest["facts"],
        _sorted(questions),
        _sorted(responses),
        [_sample(folder, record) for record in chosen],
        twins,
    )


def funnel_rows(facts: dict) -> list[dict]:
    """Return the steps of a set's funnel: count, records left, reasons and examples."""
    examples = facts.get("examples", {})
    if "steps" in facts:
        return [
            {
                "what": STEPS[row["step"]],
                "count": row["left"] if row["step"] == "read" else -row["removed"],
                "left": row["left"],
                "reasons": facts.get("rejected", {}).get(row["step"], {}),
                "examples": examples.get(row["step"], [])[:SHOWN],
            }
            for row in facts["steps"]
        ]
    if "funnel" not in facts:
        return []
    found = facts["funnel"]
    left = found["sampled"]
    rows = [{"what": "chains sampled", "count": left, "left": left, "reasons": {}, "examples": []}]
    steps = [step for step in facts.get("rejected", {})]
    for step in sorted(steps, key=lambda step: (step != "wrong", step == "surplus")):
        count = sum(facts["rejected"][step].values())
        left -= count
        reasons = facts["rejected"][step]
        rows.append(
            {
                "what": step,
                "count": -count,
                "left": left,
                "reasons": reasons if len(reasons) > 1 else {},
                "examples": examples.get(step, [])[:SHOWN],
            }
        )
    others = {
        "written": "written answers instead",
        "question alone": "questions without an answer",
        "came with a response": "came with a response",
    }
    for key, what in others.items():
        if count := found.get(key):
            left += count
            rows.append({"what": what, "count": count, "left": left, "reasons": {}, "examples": []})
    return rows


def _bin(length: int) -> str:
    low = max(edge for edge in EDGES if edge <= length)
    place = EDGES.index(low)
    return f"{low} to {EDGES[place + 1] - 1}" if place + 1 < len(EDGES) else f"{low} and more"


def _sorted(counts: Counter) -> dict[str, int]:
    return dict(sorted(counts.items(), key=lambda pair: int(pair[0].split()[0])))


def _sample(folder: Path, record: Record) -> dict:
    return {
        "id": record.id,
        "source": _shown(folder / record.images[0]),
        "question": record.question,
        "options": record.options or (),
        "answer": record.answer,
        "domain": record.domain.replace("_", " "),
        "response": (record.response or "")[:400],
    }


def _shown(path: Path) -> str:
    """Return a picture as the `src` of an `<img>`."""
    data, kind = path.read_bytes(), path.suffix[1:].replace("jpg", "jpeg")
    if len(data) > WHOLE:
        with Image.open(path) as image:
            small = image.convert("RGB")
        small.thumbnail(SMALL)
        buffer = io.BytesIO()
        small.save(buffer, "JPEG", quality=80)
        data, kind = buffer.getvalue(), "jpeg"
    return f"data:image/{kind};base64,{base64.b64encode(data).decode()}"
