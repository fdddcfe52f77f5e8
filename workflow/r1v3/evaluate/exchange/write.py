"""Writes an evaluation's answers as VLMEvalKit's result files and lmms-eval's sample logs.

VLMEvalKit has one table a run, `<model>_<data set>.tsv` (its PRED_FORMAT=tsv): the benchmark's own columns
without the pictures, `prediction`, and `thinking` (its SPLIT_THINK). The thought is separate because its
exact matching finds no letter after a thought. lmms-eval has one `<date>_samples_<task>.jsonl`, one line a
question: doc_id, target, resps, filtered_resps, doc_hash, input and the metric.
"""

import csv
import hashlib
import json
from pathlib import Path
from typing import Any

import pandas as pd

from r1v3.base.atomic_write import atomic_write
from r1v3.evaluate.answer import judged_text
from r1v3.evaluate.exchange.names import dataset_of, task_of
from r1v3.evaluate.items.item import Item
from r1v3.evaluate.items.load import load_items
from r1v3.evaluate.items.rows import Row, read_benchmark_rows
from r1v3.generate.store import read_responses
from r1v3.model.prompt_template import END_OF_THINK, THINK
from r1v3.recipe.graph.configs import EvaluationConfig

PICTURES = ("image", "image_path")
VLMEVALKIT, LMMS_EVAL = "vlmevalkit", "lmms_eval"


def write_exchange(
    config: EvaluationConfig, benchmarks: dict[str, Path], folder: Path, model: str
) -> Path:
    """Write both formats for every benchmark that has verdicts, and return the folder `exchange`.

    Args:
        benchmarks: the TSV of each benchmark.
        folder: folder of a scored evaluation.
        model: name of the model in the names of files.
    """
    target = folder / "exchange"
    for name, tsv in benchmarks.items():
        verdicts = sorted((folder / "verdicts").glob(f"{name}.run-*.parquet"))
        if not verdicts:
            continue
        items = load_items(config.entries[name], tsv)
        rows = {
            line.row.get("index", ""): (number, line.row)
            for number, line in enumerate(read_benchmark_rows(tsv))
        }
        texts = _texts(folder / "responses", name, config.generation.mode)
        asked = [(item, *(rows.get(item.key) or rows[item.cluster])) for item in items]
        for run, _ in enumerate(verdicts):
            path = target / VLMEVALKIT / f"run-{run}" / f"{model}_{dataset_of(name)}.tsv"
            _write_table(asked, {item.key: texts[item.key, run] for item in items}, path)
        path = target / LMMS_EVAL / model / f"r1v3_samples_{task_of(name)}.jsonl"
        right = [_right(each) for each in verdicts]
        _write_samples(asked, texts, right, path)
    return target


def _texts(responses: Path, name: str, mode: str) -> dict[tuple[str, int], str]:
    return {
        (row["key"].partition("/")[2], row["run"]): judged_text(mode, row["text"])
        for row in read_responses(responses, name)
    }


def _right(verdicts: Path) -> dict[str, float]:
    frame = pd.read_parquet(verdicts, columns=["key", "share"])
    return dict(zip(frame["key"], frame["share"].astype(float), strict=True))


def _write_table(asked: list[tuple[Item, int, Row]], texts: dict[str, str], path: Path) -> None:
    columns = [name for name in (asked[0][2] if asked else {}) if name not in PICTURES]
    with atomic_write(path) as partial, open(partial, "w", encoding="utf-8", newline="") as file:
        table = csv.DictWriter(
            file, [*columns, "prediction", "thinking"], "", "ignore", delimiter="\t"
        )
        table.writeheader()
        for item, _, row in asked:
            thought, answer = split_thought(texts[item.key])
            answered = {"index": item.key, "prediction": answer, "thinking": thought}
            table.writerow({**row, **answered})


def split_thought(text: str) -> tuple[str, str]:
    """Split a response into thought and answer. If it never closes its thought, the thought is empty."""
    before, end, behind = text.rpartition(END_OF_THINK)
    if not end:
        return "", text
    thought = before.strip().removeprefix(THINK)
    if THINK in thought or END_OF_THINK in thought:  # several thoughts, which stay unchanged
        return f"{before.strip()}{END_OF_THINK}", behind.strip()
    return thought.strip(), behind.strip()


def _write_samples(
    asked: list[tuple[Item, int, Row]],
    texts: dict[tuple[str, int], str],
    right: list[dict[str, float]],
    path: Path,
) -> None:
    with atomic_write(path) as partial, open(partial, "w", encoding="utf-8") as file:
        for item, number, row in asked:
            whole = [texts[item.key, run] for run in range(len(right))]
            score = sum(run[item.key] for run in right) / len(right)
            sample = _sample(item, number, row, whole) | {"accuracy": score}
            file.write(json.dumps(sample, ensure_ascii=False) + "\n")


def _sample(item: Item, number: int, row: Row, whole: list[str]) -> dict[str, Any]:
    """Return a line of a sample log. Lists of one answer are flattened, as lmms-eval does."""
    document = {name: text for name, text in row.items() if name not in PICTURES}
    written = json.dumps(document, indent=2, ensure_ascii=False)
    filtered = [text.rpartition(END_OF_THINK)[2].strip() for text in whole]
    single = len(whole) == 1
    sample: dict[str, Any] = {"doc_id": number, "target": row.get("answer", "") or item.golds[0]}
    if not single or whole != filtered:
        sample["resps"] = whole if single else [[text] for text in whole]
    return sample | {
        "filtered_resps": filtered[0] if single else filtered,
        "doc_hash": hashlib.sha256(written.encode()).hexdigest(),
        "input": item.prompt,
        "index": item.key,
    }
