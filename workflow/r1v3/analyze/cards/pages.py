"""Writes data cards, and the report's section on data: figure 2, the funnels, links to the cards."""

import json
import os
from dataclasses import replace
from pathlib import Path

from markupsafe import Markup

from r1v3.analyze.cards.contamination import Contamination, find_twins, scores_without
from r1v3.analyze.cards.describe import FORMS, Described, describe_set, funnel_rows
from r1v3.base.atomic_write import write_text
from r1v3.base.json_file import read_json
from r1v3.data.decontamination.duplicates import shared_questions
from r1v3.recipe.graph.configs import EvaluationIndexConfig
from r1v3.recipe.layers import read_yaml
from r1v3.recipe.outputs.config_file import read_resolved
from r1v3.recipe.outputs.stage import read_config
from r1v3.render.figures import bars
from r1v3.render.page import render_page

COLOURS = ("blue", "vermilion", "green")
FIELDS = {"domain": "by domain", "answer_type": "by form", "difficulty": "by difficulty"}


def make_cards(
    *,
    data: list[Path],
    trained: list[str],
    evaluation_index: Path,
    benchmarks: list[Path],
    scores: Path,
    sources: Path,
    output: Path,
) -> None:
    """Write all cards, and say which evaluation items the final model may have learned.

    Args:
        data: manifests of all sets.
        trained: names of the sets of the three stages, in order.
        evaluation_index: manifest of the evaluation index.
        benchmarks: manifests of the benchmarks in `scores`.
        scores: the final model's scores.json.
        sources: config/sources.yaml.
    """
    folders = {_name(path): path.parent for path in data}
    stages = [folders[name] for name in trained]
    cleaning = read_config(evaluation_index.parent / "config.json", EvaluationIndexConfig).cleaning
    learned = [path.parent for path in data if _instances(path) == "train"]
    held = [f for f in folders.values() if f not in learned and "questions" not in _resolved(f)]
    twins, questions = find_twins(learned, evaluation_index.parent, cleaning)
    found = Contamination(questions, [_name(f / "manifest.json") for f in learned], twins)
    tsvs = {_name(path): path.parent / f"{_name(path)}.tsv" for path in benchmarks}
    found = replace(
        found,
        scores=scores_without(scores, tsvs, found.items),
        shared=shared_questions([*stages, *held], cleaning),
    )
    write_cards(list(folders.values()), found, output, read_yaml(sources))


def _name(manifest: Path) -> str:
    return manifest.parent.name.rpartition("-")[0]


def _resolved(folder: Path) -> dict:
    return read_resolved(folder / "config.json")


def _instances(manifest: Path) -> str:
    """Return which instances a set is drawn from: `train`, `validation` or `test`."""
    resolved = _resolved(manifest.parent)
    if "questions" in resolved:
        return _instances(manifest.parent.parent / resolved["questions"] / "manifest.json")
    return resolved["set"]["source"]["instances"]


def write_cards(
    folders: list[Path], contamination: Contamination, output: Path, sources: dict
) -> None:
    """Write `<set>.html` for each set, and `output`, which lists them.

    Args:
        contamination: twins in the present evaluations, and the scores without them.
        sources: entries of config/sources.yaml, for titles and citations.
    """
    sets = [describe_set(folder) for folder in folders]
    for each in sets:
        page = output.parent / f"{each.name}.html"
        manifest = os.path.relpath(each.folder, output.parent).replace(os.sep, "/")
        write_text(page, render_page("card.html.j2", **card(each, sources), manifest=manifest))
    write_text(output, render_page("cards.html.j2", sets=sets, contamination=contamination))


def card(each: Described, sources: dict) -> dict:
    """Return the values that a card's template shows."""
    spec, facts = each.resolved["set"], each.facts
    entries = spec.get("source", {}).get("entries", {})
    return {
        "set": each,
        "spec": spec,
        "facts": facts,
        "sources": [
            {
                "name": name,
                **{k: sources.get(name, {}).get(k, "") for k in ("title", "citation", "differs")},
            }
            | {
                "licence": entry["licence"],
                "files": facts["sources"].get(name, {}).get("files", {}),
            }
            for name, entry in entries.items()
        ],
        "rows": funnel_rows(facts),
        "panels": panels(each.name, facts, "blue")
        + [
            _panel(f"{each.name}-{what}", f"{what}, words", counts, "purple")
            for what, counts in (("questions", each.questions), ("responses", each.responses))
            if counts
        ],
        "json": json.dumps(each.resolved, indent=1, ensure_ascii=False),
    }


def panels(name: str, facts: dict, colour: str) -> list[Markup]:
    """Draw a set by domain, form and difficulty (figure 2)."""
    found = []
    for field, what in FIELDS.items():
        known: dict[str, int] = facts[field]
        counts = {FORMS.get(key, key.replace("_", " ")): n for key, n in known.items()}
        found.append(_panel(f"{name}-{field}", f"{name}: records {what}", counts, colour))
    return found


def data_section(manifests: list[Path]) -> Markup:
    """Make the report's section on data as HTML: figure 2, each set's funnel with examples, links to cards.

    The cards must be in `cards/` beside the page.

    Args:
        manifests: manifests of the training sets of the three stages, in order.
    """
    stages, before = [], []
    for manifest, colour in zip(manifests, COLOURS, strict=False):
        each = _light(manifest.parent)
        stages.append({**each, "panels": panels(each["name"], each["facts"], colour)})
        asked = manifest.parent.parent / each["resolved"].get("questions", "none")
        if (asked / "manifest.json").exists():
            before.append(_light(asked))
    sets = [*before, *stages]
    return Markup(render_page("section.html.j2", stages=stages, sets=sets, cards="cards"))


def _light(folder: Path) -> dict:
    """Read a set's facts and funnel, without reading its records."""
    manifest = read_json(folder / "manifest.json")
    facts = manifest["facts"]
    return {
        "name": manifest["name"],
        "resolved": read_resolved(folder / "config.json"),
        "facts": facts,
        "rows": funnel_rows(facts),
    }


def _panel(name: str, title: str, counts: dict[str, int], colour: str) -> Markup:
    said = ", ".join(f"{key} {count}" for key, count in counts.items())
    return Markup(bars(name.replace("_", "-"), f"{title}: {said}", counts, x=title, colour=colour))
