"""All pages of one evaluation: Table 1, protocols, figures, hallucination audit, error browser.

    r1v3 pages results/evaluations/<run>/last/<suite> --output results/pages

Everything is read from the files that scoring wrote. No model and no network is needed.
"""

import re
from pathlib import Path

import pandas as pd

from r1v3.base.atomic_write import write_text
from r1v3.base.json_file import read_json
from r1v3.evaluate.benchmarks.mmbench import write_submission
from r1v3.evaluate.compare import Other, compare_models, comparison_table, protocol_table
from r1v3.evaluate.items.source import is_miniature
from r1v3.evaluate.pages.browser import write_browser
from r1v3.evaluate.pages.figures import figure_1, figure_3, figure_4
from r1v3.evaluate.pages.hallucination import as_row, audit, phrase_contrast
from r1v3.evaluate.pages.tables import cell, table_1
from r1v3.evaluate.statistics import holm, smallest_effect
from r1v3.recipe.graph.configs import EvaluationConfig, Probe
from r1v3.recipe.outputs.config_file import read_resolved
from r1v3.recipe.outputs.stage import read_config
from r1v3.recipe.tables.benchmarks import ListedBenchmark
from r1v3.render.page import percent, render_page
from r1v3.render.text_table import TextTable, write_tables

NAMED_ROWS = 5
P_COLUMN = 8  # column of p in the audit's table
HEADINGS = {
    "table_1": "Table 1",
    "files": "What was read, and what is missing",
    "protocols": "What the protocol changes",
    "hallucination": "Answers that say the image cannot be seen",
    "comparison": "Comparison with other models",
    "agreement": "Abstention and calibration from the runs",
    "probe": "Questions asked in another way",
    "judges": "Two judges",
}


def write_pages(
    evaluation: Path,
    benchmarks: dict[str, Path],
    table: dict[str, ListedBenchmark],
    output: Path,
    *,
    name: str,
    against: dict[str, Path],
    report: str | None = None,
) -> Path:
    """Write `index.html` and the pages that it links to, and return its path.

    Args:
        evaluation: folder of a scored evaluation.
        benchmarks: the TSV of each benchmark.
        table: titles and published scores of every benchmark.
        name: name of the model on the pages.
        against: evaluations of other models by name, compared by item on the benchmarks of both.
        report: link to the report, if it is made beside these pages.
    """
    config = read_config(evaluation / "config.json", EvaluationConfig)
    content = read_json(evaluation / "scores.json", "benchmarks", "held_out")
    scores = {key: content["benchmarks"][key] for key in benchmarks if key in content["benchmarks"]}
    missing = {key: why for key, why in content.get("missing", {}).items() if key in table}
    every = {key: entry.title for key, entry in table.items()}
    table = {key: entry for key, entry in table.items() if key in scores or key in missing}
    titles = {key: entry.title for key, entry in table.items() if key in scores}
    small = {key for key in scores if is_miniature(benchmarks[key])}
    miniature = bool(small)
    beside = [title for key, title in titles.items() if miniature and key not in small]
    output.mkdir(parents=True, exist_ok=True)
    first = table_1(table, {name: scores}, miniature=miniature, missing=missing, beside=beside)
    tables = {"table_1": first}
    tables["files"] = files_table(scores, missing, every)
    if any("agreement" in score for score in scores.values()):
        tables["agreement"] = agreement_table(scores, titles)
    if config.probe is not None:
        tables["probe"] = probe_table(config.probe, scores, titles)
    if any("second_judge" in score for score in scores.values()):
        tables["judges"] = judges_table(scores, titles)
    tables["protocols"] = protocol_table(scores, titles)
    asked = config.evaluation
    tables["hallucination"] = audit_table(
        evaluation / "verdicts",
        scores,
        titles,
        confidence=asked.confidence,
        resamples=asked.resamples,
        seed=config.seed,
    )
    others = [_other(other, folder, config) for other, folder in against.items()]
    if any(other.benchmarks for other in others):
        rows = compare_models(
            benchmarks,
            evaluation / "verdicts",
            others,
            resamples=config.evaluation.resamples,
            confidence=config.evaluation.confidence,
            seed=config.seed,
        )
        tables["comparison"] = comparison_table(rows, name, titles)
    for key, each in tables.items():
        write_tables(each, output, key, HEADINGS[key])
    table = {key: table[key] for key in titles}
    figures = write_figures(table, name, scores, output, miniature=miniature)
    errors, submissions = [], []
    for key, title in titles.items():
        verdicts = sorted((evaluation / "verdicts").glob(f"{key}.run-*.parquet"))
        entry = config.entries[key]
        page = output / "errors" / f"{key}.html"
        how = {"probe": config.probe, "seed": config.seed}
        count = write_browser(title, entry, benchmarks[key], verdicts, page, **how)
        errors.append({"key": key, "title": title, "items": count})
        if entry.code == "mmbench" and config.probe is None:
            submissions.append(f"{key}_submission.tsv")
            write_submission(benchmarks[key], verdicts[0], output / submissions[-1])
    index = output / "index.html"
    page = render_page(
        "evaluation.html.j2",
        name=name,
        tables=tables,
        headings=HEADINGS,
        figures=figures,
        drawn={file: (output / file).read_text(encoding="utf-8") for file in figures},
        miniature=miniature,
        errors=errors,
        submissions=sorted(submissions),
        report=report,
    )
    write_text(index, page)
    return index


def files_table(scores: dict, missing: dict[str, str], titles: dict[str, str]) -> TextTable:
    """Tabulate what was not asked of each benchmark's file, and which benchmarks are missing.

    Args:
        scores: `benchmarks` of `scores.json`.
        missing: reasons of benchmarks without a score.
    """
    header = [
        "Benchmark",
        "items scored",
        "rows unreadable",
        "they are",
        "without a picture",
        "note",
    ]
    lines = []
    for name, score in scores.items():
        unreadable = score.get("unreadable", {"rows": [], "scored": "wrong"})
        rows = unreadable["rows"]
        notes = [f"row {row['row']}: {row['reason']}" for row in rows[:NAMED_ROWS]]
        if len(rows) > NAMED_ROWS:
            notes.append(f"and {len(rows) - NAMED_ROWS} more, in scores.json")
        if judged := score.get("judged_by"):
            notes.append(f"judged by {judged}")
        counts = [str(score["n"]), str(len(rows)), unreadable["scored"] if rows else "-"]
        without = str(score.get("without_picture", 0))
        lines.append([titles[name], *counts, without, "; ".join(notes) or "-"])
    lines += [[titles[name], "missing", "-", "-", "-", why] for name, why in missing.items()]
    caption = (
        "Rows without a picture are not asked where a benchmark needs one. A row that cannot be read"
        " counts as wrong or is left out, as the benchmark's entry says. A missing benchmark has no score."
    )
    return TextTable(caption, header, lines)


def agreement_table(scores: dict, titles: dict[str, str]) -> TextTable:
    """Tabulate the agreement of an item's runs: its calibration, and the effect of abstaining."""
    known = {name: score for name, score in scores.items() if "agreement" in score}
    most = max(len(score["agreement"]["abstaining"]) for score in known.values())
    header = ["Benchmark", "one run, %", "calibration error"]
    header += [f"{n} agree: right, % (answered, %)" for n in range(1, most + 1)]
    rows = []
    for name, score in known.items():
        found = score["agreement"]
        cells = [
            f"{_share(level['right'])} ({percent(level['answered'])})"
            for level in found["abstaining"]
        ]
        cells += ["-"] * (most - len(cells))
        line = [titles[name], percent(score["mean"]), percent(found["calibration_error"])]
        rows.append([*line, *cells, percent(score["detectable_difference"])])
    caption = (
        "Confidence of an item is the share of its runs that give its commonest answer. Calibration error:"
        " how far confidence and accuracy are apart, over the levels of agreement, weighted by items, in"
        " points. A model that abstains answers only where so many runs agree. Shows: the smallest difference"
        " that this many items show between two models."
    )
    return TextTable(caption, [*header, "shows"], rows)


def judges_table(scores: dict, titles: dict[str, str]) -> TextTable:
    """Tabulate how two judges agree on answers that either decided, and the score under each."""
    header = ["Benchmark", "second judge", "decided", "agree, %", "kappa", "unjudged"]
    header += ["first, %", "second, %", "shows"]
    rows = []
    for name, score in scores.items():
        found = score.get("second_judge")
        if found is None or "missing" in found:
            why = "rules settle every answer" if found is None else found["missing"]
            rows.append([titles[name], why, *["-"] * (len(header) - 2)])
            continue
        kappa = "-" if found["kappa"] is None else f"{found['kappa']:.2f}"
        counts = [str(found["decided"]), _share(found["agree"]), kappa, str(found["unjudged"])]
        means = [percent(found["first_mean"]), percent(found["second_mean"])]
        rows.append(
            [titles[name], found["model"], *counts, *means, percent(score["detectable_difference"])]
        )
    caption = (
        "Decided: answers on which at least one of the judges gave the verdict; letters and plain numbers are"
        " settled by rule. Agree: the share of equal verdicts among those that both judged. Kappa: Cohen's,"
        " 1 for full agreement and 0 for what chance gives. Shows: the smallest difference between two models"
        " that this many items show."
    )
    return TextTable(caption, header, rows)


def probe_table(probe: Probe, scores: dict, titles: dict[str, str]) -> TextTable:
    """Tabulate how many questions a probe changed, and the score of the changed ones."""
    header = ["Benchmark", "items", "changed", "score", "continued word by word, %", "shows"]
    rows = [
        [
            titles[name],
            str(score["n"]),
            str(score["probe"]["items_changed"]),
            cell(score),
            _share(score["probe"].get("completed")),
            percent(score["detectable_difference"]),
        ]
        for name, score in scores.items()
    ]
    caption = (
        f"The benchmarks under the probe {probe}; these are no scores of Table 1. Questions that the probe"
        " cannot change are asked as they are. The difference to the plain questions, paired by item, is in"
        " the comparison of `r1v3 pages` with --against."
    )
    return TextTable(caption, header, rows)


def write_figures(
    table: dict[str, ListedBenchmark], name: str, scores: dict, output: Path, *, miniature: bool
) -> dict[str, str]:
    """Draw figure 1, and 3 and 4 if their benchmarks were asked. Return the description of each file."""
    drawn = {}
    if any(entry.published for entry in table.values()):
        figure_1(table, {name: scores}, output / "figure_1.svg", miniature=miniature)
        drawn["figure_1.svg"] = "Figure 1: every benchmark of Table 1"
    if "phyx_mini_mc" in scores:
        figure_3(table, {name: scores}, output / "figure_3.svg", miniature=miniature)
        drawn["figure_3.svg"] = "Figure 3: PhyX"
    if "gaokao_2025" in scores:
        exam = {name: scores["gaokao_2025"]}
        path = output / "figure_4.svg"
        figure_4(table["gaokao_2025"], exam, path, miniature=miniature)
        drawn["figure_4.svg"] = "Figure 4: GAOKAO 2025 mathematics"
    return drawn


def _other(name: str, evaluation: Path, ours: EvaluationConfig) -> Other:
    """Return another evaluation, with the benchmarks that it was asked on the same files in the same way."""
    theirs = read_config(evaluation / "config.json", EvaluationConfig)
    shared = [
        key
        for key, id in ours.benchmarks.items()
        if theirs.benchmarks.get(key) == id and theirs.entries[key] == ours.entries[key]
    ]
    return Other(name, evaluation / "verdicts", shared)


def audit_table(
    verdicts: Path,
    scores: dict,
    titles: dict[str, str],
    *,
    confidence: float,
    resamples: int,
    seed: int,
) -> TextTable:
    """Tabulate section 6.4 for every benchmark: "I can't see the image", and accuracy with and without it."""
    header = ["Benchmark", "answers", "with the phrase", "in the thought", "in the answer"]
    header += ["accuracy with", "without", "with - without", "p (Holm)"]
    header += ["items both ways", "with - without, within items", "shows"]
    rows, p_values = [], []
    for key in scores:
        every = pd.concat(
            pd.read_parquet(path) for path in sorted(verdicts.glob(f"{key}.run-*.parquet"))
        )
        contrasted = phrase_contrast(every, confidence=confidence, resamples=resamples, seed=seed)
        found = as_row(audit(every))
        counts = [str(found[c]) for c in ("answers", "with_phrase", "in_thought", "in_answer")]
        shares = [_share(found[c]) for c in ("accuracy_with", "accuracy_without")]
        both = [str(found["within_count"]), _share(found["within_items"])]
        difference, shows = "-", percent(scores[key]["detectable_difference"])
        if contrasted is not None:
            p_values.append((len(rows), contrasted.p))
            low, high = percent(contrasted.low), percent(contrasted.high)
            difference = f"{percent(contrasted.difference)} [{low}, {high}]"
            shows = percent(smallest_effect(contrasted.error, confidence=confidence))
        rows.append([titles[key], *counts, *shares, difference, "-", *both, shows])
    for (place, _), p in zip(p_values, holm([p for _, p in p_values]), strict=True):
        rows[place][P_COLUMN] = f"{p:.3f}"
    caption = (
        "The report's Table 5: 76.0 on all 900 items, 77.3 on 853 without the phrase, 51.1 on 47 with it."
        " Hard items may cause both the phrase and the wrong answer; within items that is held still."
        " The difference has a bootstrap interval over items with all their runs, so five runs are one item,"
        " and p is corrected for the number of rows. Shows: the smallest such difference that these answers"
        " show; where few say it, the smallest difference between two models."
    )
    return TextTable(caption, header, rows)


def _share(value: float | None) -> str:
    return "-" if value is None else percent(value)


def benchmarks_of(evaluation: Path) -> dict[str, Path]:
    """Return the TSVs that an evaluation was asked on, in results/benchmarks/ beside its own folder."""
    resolved = read_resolved(evaluation / "config.json")
    results = next(
        parent for parent in evaluation.resolve().parents if parent.name == "evaluations"
    )
    shelf = results.parent / "benchmarks"
    return {key: shelf / name / f"{key}.tsv" for key, name in resolved["benchmarks"].items()}


def model_label(evaluation: Path) -> str:
    """Return `rl step-000030` for results/evaluations/rl-<hash>/step-000030/<suite>; `final` for the last."""
    below = evaluation.resolve().parts
    run, *rest = below[below.index("evaluations") + 1 :]
    name = re.sub(r"-[0-9a-f]{10}$", "", run)
    checkpoint = rest[0] if len(rest) == 2 and rest[0] != "last" else ""
    probe = read_resolved(evaluation / "config.json").get("probe")
    return " ".join(filter(None, [name, checkpoint, probe and f"({probe})"]))
