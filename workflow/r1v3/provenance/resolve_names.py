"""Finds the results on this disk that a name means, as it appears on a page or in a table.

A name may be an id (`rl-0123456789`), a name (`rl`, `math_normal`), a path in results/, a score as the
summary names it (`models.rl.math`, `benchmarks.mmmu_val`), a measure of studies (`study.normal`), the name of
a study or a claim in config/, or the id of a sample.
"""

from pathlib import Path

from r1v3.base.json_file import read_json
from r1v3.provenance.graph import LineageGraph
from r1v3.recipe.errors import unknown
from r1v3.recipe.graph.identity import RESOLVED
from r1v3.recipe.layers import read_yaml
from r1v3.recipe.outputs.score_file import read_score_file
from r1v3.recipe.schema.studies import suite_of

Named = list[tuple[str, str]]
OF_SUMMARY = {
    "models": "held_out",
    "benchmarks": "benchmarks",
}  # the suite of each part of the summary
MEASURED = ("study", "held_out", "checkpoint")


def resolve(root: Path, lineage: LineageGraph, what: str) -> Named:
    """Return the ids of the results that `what` means, each with a note that explains it.

    Raises:
        ValueError: nothing on this disk has that name.
    """
    path = what.removeprefix("./").rstrip("/")
    for key, found in lineage.found.items():
        if key == what or path == found.folder or path.startswith(f"{found.folder}/"):
            return [(key, path.removeprefix(found.folder).lstrip("/"))]
    for look in (_score, _claim, _study):
        if found := look(root, lineage, what):
            return found
    if what in lineage.by_name:
        return [(key, "") for key in lineage.by_name[what]]
    if samples := _sample(lineage, what):
        return samples
    raise ValueError(unknown("result, score or sample", what, [*lineage.by_name, *lineage.found]))


def _score(root: Path, lineage: LineageGraph, what: str) -> Named:
    """Find the evaluation behind a score of the summary; without a summary, all that have the measure."""
    place, *words = what.replace("/", ".").split(".")
    if len(words) != {"models": 2}.get(place, 1) or place not in (*OF_SUMMARY, *MEASURED):
        return []
    run, name = words if place == "models" else (None, words[0])
    shown = _shown(root, place, words)
    summarised, found = [], []
    for key, each in lineage.found.items():
        path = each.path / "scores.json"
        if not path.exists():
            continue
        resolved, scores = each.config[RESOLVED], read_score_file(path)
        held_out, benchmarks = scores.get("held_out", {}), scores.get("benchmarks", {})
        if run not in (None, resolved["run"].rpartition("-")[0]):
            continue
        if place in MEASURED and resolved["suite"] != place:
            continue
        if name in held_out and place != "benchmarks":
            value, note = held_out[name]["accuracy"], f"accuracy {held_out[name]['accuracy']}"
        elif name in benchmarks and place != "models":
            value, note = benchmarks[name]["mean"], f"mean {benchmarks[name]['mean']}"
        else:
            continue
        found.append((key, note))
        suite = key.rpartition("/")[2].rpartition("-")[0]
        if suite == OF_SUMMARY.get(place) and value == shown:
            summarised.append((key, note))
    return summarised or found


def _shown(root: Path, place: str, words: list[str]) -> float | None:
    """Return the score in the summary."""
    path = root / "results" / "summary.json"
    entry = read_json(path).get(place, {}) if path.exists() else {}
    for word in words:
        entry = entry.get(word, {})
    return entry.get("accuracy", entry.get("mean"))


def _claim(root: Path, lineage: LineageGraph, what: str) -> Named:
    """Find what a claim compares: the evaluations of its arms, or their runs if it is about curves."""
    path = root / "config" / "claims.yaml"
    claim = read_yaml(path).get(what, {}) if path.exists() else {}
    arms = [claim[key] for key in ("a", "b", "arm") if key in claim]
    return _arms(root, lineage, claim.get("study"), arms, claim.get("measure"))


def _study(root: Path, lineage: LineageGraph, what: str) -> Named:
    """Find the runs of a study."""
    return _arms(root, lineage, what, [], None)


def _arms(
    root: Path, lineage: LineageGraph, study: str | None, labels: list[str], measure: str | None
) -> Named:
    """Find the results of these arms of a finished study; all arms if `labels` is empty."""
    path = root / "results" / "studies" / f"{study}.json"
    found: dict[str, str] = {}
    for arm in read_json(path, "arms")["arms"] if path.exists() else []:
        if labels and arm["label"] not in labels:
            continue
        for run in (folder["id"] for folder in arm["folders"]):
            keys = [run]
            if measure and labels:
                suite, _ = suite_of(measure, arm["thinking_mode"] or None)
                start = f"{run}/{arm['checkpoint']}/{suite}-"
                keys = [key for key in lineage.found if key.startswith(start)]
            found |= {key: f"{study}: {arm['label']}" for key in keys if key in lineage.found}
    return list(found.items())


def _sample(lineage: LineageGraph, what: str) -> Named:
    """Find the data sets with a record of that id."""
    import pyarrow.parquet

    found = []
    for key, each in lineage.found.items():
        records = each.path / "records.parquet"
        if records.exists():
            ids = pyarrow.parquet.read_table(records, columns=["id"])["id"].to_pylist()
            if what in ids:
                found.append((key, f"record {ids.index(what) + 1} of {len(ids)}"))
    return found
