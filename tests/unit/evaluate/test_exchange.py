"""Results in the layouts of VLMEvalKit and lmms-eval are written, read and scored."""

import json
import shutil
import zipfile
from pathlib import Path

import pandas as pd
import pytest
from evaluation_fixtures import evaluation_config, published_config, write_config

from r1v3.evaluate.any_model import evaluate_file
from r1v3.evaluate.exchange.names import PEERS, benchmark_in
from r1v3.evaluate.exchange.read import ForeignAnswer, match, read_foreign
from r1v3.evaluate.exchange.workbook import read_workbook
from r1v3.evaluate.exchange.write import split_thought, write_exchange
from r1v3.evaluate.items.load import load_items
from r1v3.evaluate.items.rows import read_benchmark_rows
from r1v3.evaluate.items.source import obtain_or_report
from r1v3.evaluate.score import score_evaluation
from r1v3.recipe.graph.configs import BenchmarkConfig
from r1v3.recipe.graph.results import ResultGraph
from r1v3.recipe.load import load_project

ROOT = Path(__file__).parents[3]

STAR = {"A": "a cat", "B": "a dog", "C": "", "D": "none", "category": "c", "l2_category": "d"}
ANSWERS = {
    "1": ["I see it.</think>\\boxed{B}", "no idea</think>\\boxed{A}"],
    "2": ['x</think>The answer is\tA.\nSo it is "A".', "x</think>A"],
    "3": ["x</think>", "x</think>\\boxed{D}"],
}


@pytest.fixture
def scored(table, tsv, picture, stored, tmp_path):
    """Return a scored evaluation of two runs, and the benchmark's file."""
    rows = [
        {"index": key, "question": f"Which is {key}?", **STAR, "answer": "B", "image": picture()}
        for key in ANSWERS
    ]
    path = tsv(rows, "mmstar")
    write_config(tmp_path, published_config("mmstar", {"kind": "user", "describe": "a TSV"}))
    folder = stored(
        tmp_path / "evaluation",
        "mmstar",
        {(key, run): text for key, texts in ANSWERS.items() for run, text in enumerate(texts)},
    )
    config = evaluation_config(
        evaluation={"runs": 2},
        benchmarks={"mmstar": "mmstar-0"},
        entries={"mmstar": table["mmstar"].asked("files")},
    )
    score_evaluation(
        config, responses=folder, benchmarks={"mmstar": path}, held_out={}, folder=folder
    )
    return write_exchange(config, {"mmstar": path}, folder, "m"), path


def test_vlmevalkit_finds_its_table_for_each_run(scored):
    exchange, _ = scored
    table = pd.read_csv(exchange / "vlmevalkit/run-1/m_MMStar.tsv", sep="\t", dtype=str)
    assert list(table["index"]) == list(ANSWERS)
    assert list(table["prediction"]) == ["\\boxed{A}", "A", "\\boxed{D}"]
    assert list(table["thinking"]) == ["no idea", "x", "x"]
    assert {"question", "A", "answer", "category"} <= set(table)
    assert "image" not in table


def test_lmms_eval_finds_its_samples(scored):
    exchange, _ = scored
    lines = (exchange / "lmms_eval/m/r1v3_samples_mmstar.jsonl").read_text().splitlines()
    samples = [json.loads(line) for line in lines]
    assert [sample["doc_id"] for sample in samples] == [0, 1, 2]
    assert samples[0]["resps"] == [[f"<think>{text}"] for text in ANSWERS["1"]]
    assert samples[0]["filtered_resps"] == ["\\boxed{B}", "\\boxed{A}"]
    assert [sample["accuracy"] for sample in samples] == [0.5, 0.0, 0.0]
    assert samples[0]["target"] == "B"
    assert len(samples[0]["doc_hash"]) == 64
    assert "Which is 1?" in samples[0]["input"]


def test_what_is_written_is_read_again(scored, table):
    exchange, path = scored
    items = load_items(table["mmstar"], path)
    for run in (0, 1):
        found = match(read_foreign(exchange / f"vlmevalkit/run-{run}/m_MMStar.tsv"), items)
        assert found.texts == {key: (f"<think>{t[run]}",) for key, t in ANSWERS.items()}
    found = match(read_foreign(exchange / "lmms_eval/m/r1v3_samples_mmstar.jsonl"), items)
    assert found.texts == {key: tuple(f"<think>{t}" for t in ts) for key, ts in ANSWERS.items()}
    assert (found.runs, found.unmatched) == (2, [])


@pytest.mark.parametrize(
    ("text", "thought", "answer"),
    [
        ("<think>\nB or C\n</think>\n\nC", "B or C", "C"), ("C", "", "C"), ("<think>B or", "", "<think>B or"),
        ("B</think>C", "B", "C"), ("<think>A</think>B</think>C", "<think>A</think>B</think>", "C"),
    ],
)  # fmt: skip
def test_a_thought_has_a_column_of_its_own(text, thought, answer):
    assert split_thought(text) == (thought, answer)


def sample(number, question, answer, options="A. a cat\nB. a dog\nD. none"):
    """Return a line for one answer as lmms-eval writes it: flat, without our own index."""
    asked = f"<image>\nQuestion: {question}\n{options}\nAnswer."
    return {"doc_id": number, "target": "B", "filtered_resps": answer, "input": asked}


def test_a_log_of_lmms_eval_is_matched_by_what_was_asked(scored, table, tmp_path):
    _, path = scored
    items = load_items(table["mmstar"], path)
    log = tmp_path / "20260101_120000_samples_mmstar.jsonl"
    rows = [sample(7, "Which is 3?", "C"), sample(0, "Which is 1?", "B"), sample(2, "Which?", "A")]
    log.write_text("".join(json.dumps(row) + "\n" for row in rows))
    found = match(read_foreign(log), items)
    assert found.texts == {"3": ("C",), "1": ("B",)}
    assert found.unmatched == ["number 2: no question of ours"]


def test_questions_in_the_same_words_are_told_apart_by_their_options(table, tsv, picture):
    rows = [
        {
            "index": str(n),
            "question": "Which?",
            **STAR,
            "A": name,
            "answer": "B",
            "image": picture(),
        }
        for n, name in enumerate(("a cow", "a hen"))
    ]
    items = load_items(table["mmstar"], tsv(rows, "mmstar"))
    asked = "Which? A. a hen B. a dog D. none"
    for place in (None, 0, 9):
        found = match([ForeignAnswer(None, place, asked, "B", ("B",))], items)
        assert found.texts == {"1": ("B",)}


def test_a_question_answered_twice_keeps_its_first_answer(scored, table, tmp_path):
    _, path = scored
    file = tmp_path / "m_MMStar.csv"
    pd.DataFrame({"index": [1.0, 1.0, 9.0], "prediction": ["B", "A", "A"]}).to_csv(file)
    found = match(read_foreign(file), load_items(table["mmstar"], path))
    assert found.texts == {"1": ("B",)}
    assert found.unmatched == ["1: answered twice", "9: no question of ours"]


def workbook(path, rows):
    """Write a workbook as openpyxl and xlsxwriter do: shared texts, numbers, inline texts, gaps."""
    main = 'xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"'
    shared = sorted({cell for row in rows for cell in row.values() if isinstance(cell, str)})
    texts = "".join(f"<si><r><t>{text[:2]}</t></r><r><t>{text[2:]}</t></r></si>" for text in shared)
    lines = ""
    for number, row in enumerate(rows, 1):
        cells = ""
        for column, cell in row.items():
            where = f'r="{column}{number}"'
            if isinstance(cell, str):
                cells += f'<c {where} t="s"><v>{shared.index(cell)}</v></c>'
            elif isinstance(cell, bytes):
                cells += f'<c {where} t="inlineStr"><is><t>{cell.decode()}</t></is></c>'
            else:
                cells += f"<c {where}><v>{cell}</v></c>"
        lines += f'<row r="{number}">{cells}</row>'
    with zipfile.ZipFile(path, "w") as parts:
        parts.writestr("xl/sharedStrings.xml", f"<sst {main}>{texts}</sst>")
        sheet = f"<worksheet {main}><sheetData>{lines}</sheetData></worksheet>"
        parts.writestr("xl/worksheets/sheet1.xml", sheet)


def test_a_workbook_of_vlmevalkit_is_read(scored, table, tmp_path):
    _, path = scored
    file = tmp_path / "model_x_MMStar.xlsx"
    head = {"A": "index", "B": "hint", "C": "prediction"}
    workbook(file, [head, {"A": 1, "C": "x &lt; y_x000A_B"}, {"A": 2.0, "B": "h", "C": b"A"}])
    assert list(read_workbook(file)) == [
        {"index": "1", "hint": "", "prediction": "x < y\nB"},
        {"index": "2.0", "hint": "h", "prediction": "A"},
    ]
    found = match(read_foreign(file), load_items(table["mmstar"], path))
    assert found.texts == {"1": ("x < y\nB",), "2": ("A",)}


def test_a_thought_in_a_column_of_its_own_stands_before_the_answer(tmp_path):
    file = tmp_path / "m_MMStar.json"
    rows = {"index": {"0": 1}, "thinking": {"0": "I see"}, "prediction": {"0": "B"}}
    file.write_text(json.dumps(rows))
    [found] = read_foreign(file)
    assert found.texts == ("<think>I see</think>B",)


@pytest.mark.parametrize(
    ("name", "content", "reason"),
    [
        ("x.jsonl", '{"doc_id": 1}\n', "resps or filtered_resps"),
        ("x.jsonl", '{"doc_id": 1, "resps"', "line 1: it is not JSON"),
        ("x.jsonl", "[]\n", "line 1: it is not an object"),
        ("x.tsv", "index\tanswer\n1\tB\n", "the columns index and prediction"),
        ("x.xlsx", "no zip", "it is no Excel workbook"),
        ("x.pkl", "", "one of .tsv, .csv, .xlsx, .json, .jsonl is expected"),
        ("x.jsonl", "", "no rows"),
    ],
)
def test_a_file_of_another_kind_is_refused_by_name(tmp_path, name, content, reason):
    (tmp_path / name).write_text(content)
    with pytest.raises(ValueError, match=reason) as error:
        read_foreign(tmp_path / name)
    assert str(tmp_path / name) in str(error.value)
    with pytest.raises(ValueError, match="the file is not there"):
        read_foreign(tmp_path / "gone.tsv")


KIT = [
    {"index": str(n), "question": f"Which is {n}?", "A": "x", "prediction": f"it is {n}"}
    for n in (1, 2, 3)
]
LMMS = [
    {"doc_id": n, "input": f"<image>\nWhich is {n + 1}?\nA. x", "resps": [[f"it is {n + 1}"]]}
    for n in range(3)
]


def lines(found):
    return "\n".join(json.dumps(row) for row in found)


ODD = {
    "reversed.jsonl": lines(KIT[::-1]),
    "more.jsonl": lines([row | {"hit": 1, "log": None, "thinking": float("nan")} for row in KIT]),
    "renumbered.jsonl": lines(
        [row | {"index": str(n)} for row, n in zip(KIT, (3, 1, 2), strict=True)]
    ),
    "other_names.jsonl": lines([row | {"index": f"x{n}"} for n, row in enumerate(KIT)]),
    "no_index.json": json.dumps([{k: v for k, v in row.items() if k != "index"} for row in KIT]),
    "floats.json": json.dumps([row | {"index": float(row["index"])} for row in KIT]),
    "bare.json": json.dumps([{k: row[k] for k in ("index", "prediction")} for row in KIT]),
    "twice.jsonl": lines(KIT + [row | {"prediction": "another"} for row in KIT]),
    "logs.json": json.dumps({"args": {}, "logs": LMMS}),
    "turns.jsonl": lines(
        [row | {"input": [{"role": "user", "content": [{"text": row["input"]}]}]} for row in LMMS]
    ),
    "document.jsonl": lines(
        [
            {"doc_id": 99, "resps": row["resps"], "doc": {"index": n}}
            for n, row in enumerate(LMMS, 1)
        ]
    ),
    "reversed_log.jsonl": lines(LMMS[::-1]),
}


@pytest.mark.parametrize("name", ODD)
def test_an_odd_file_gives_each_question_its_own_answer(table, tsv, picture, tmp_path, name):
    rows = [
        {"index": n, "question": f"Which is {n}?", "A": "x", "B": "y", "answer": "B"} for n in "123"
    ]
    more = {"category": "c", "l2_category": "d", "image": picture()}
    items = load_items(table["mmstar"], tsv([row | more for row in rows], "mmstar"))
    (tmp_path / name).write_text(ODD[name])
    found = match(read_foreign(tmp_path / name), items)
    assert found.texts == {n: (f"it is {n}",) for n in "123"}


def test_a_damaged_line_of_answers_costs_that_line_alone(table, tsv, picture, tmp_path):
    rows = [
        {"index": n, "question": f"Which is {n}?", "A": "x", "B": "y", "answer": "B"} for n in "123"
    ]
    more = {"category": "c", "l2_category": "d", "image": picture()}
    items = load_items(table["mmstar"], tsv([row | more for row in rows], "mmstar"))
    text = lines(KIT).split("\n")
    (tmp_path / "a.jsonl").write_text("\n".join([text[0], text[1][:-3], "[]", text[2]]))
    (tmp_path / "a.tsv").write_text("index\tprediction\n1\tit is 1\n2\n3\tit is 3\n")
    without = {name: text for name, text in KIT[1].items() if name != "prediction"}
    (tmp_path / "a.json").write_text(json.dumps([KIT[0], without, KIT[2]]))
    for name, said in (
        ("a.jsonl", ["on line 2: it is not JSON", "on line 3: it is not an object"]),
        ("a.tsv", ["on line 3: it has 1 of 2 cells"]),
        ("a.json", []),
    ):
        found = match(read_foreign(tmp_path / name), items)
        assert (found.texts["1"], found.texts["3"]) == (("it is 1",), ("it is 3",))
        assert found.texts.get("2", ("",)) == ("",)
        assert [
            line.startswith(part) for line, part in zip(found.unmatched, said, strict=True)
        ] == [True for _ in said]


def test_a_files_name_says_its_benchmark(table):
    known = list(table)
    assert set(PEERS) == set(known)
    for name in known:
        for alias in (name, PEERS[name].dataset, PEERS[name].task):
            if alias:
                assert benchmark_in(f"some_model_{alias}", known) == name
    assert benchmark_in("20260101_120000_samples_mmmu_pro_vision_cot", known) == "mmmu_pro_vision"
    for behind in (
        "_openai_result",
        "_exact_matching_result",
        "_gpt-4-turbo",
        "_2026-01-01T10-00-00.5",
    ):
        assert benchmark_in(f"some_model_MathVista_MINI{behind}", known) == "mathvista_mini"
    assert benchmark_in("m_MMMU_Pro_V", known) == "mmmu_pro_vision"
    assert benchmark_in("m_mmstar", known) == benchmark_in("m_MMSTAR", known) == "mmstar"
    for other in ("answers", "m_EMMA", "m_MMBench_DEV_EN", "m_MMBench_TEST_EN_V11", "result"):
        assert benchmark_in(other, known) is None


@pytest.fixture
def checkout(tmp_path):
    """Make a folder with this repository's `config/`, in which results may be written."""
    shutil.copytree(ROOT / "config", tmp_path / "config")
    return tmp_path


@pytest.mark.slow
def test_answers_of_another_harness_are_scored_without_a_model(checkout, capsys):
    node = ResultGraph(load_project(checkout, "tiny")).benchmark("visulogic")
    folder = checkout / node.folder
    obtain_or_report(BenchmarkConfig.model_validate(node.resolved), folder)
    rows = [line.row for line in read_benchmark_rows(folder / "visulogic.tsv")]
    lines = [
        {"index": row["index"], "resps": [f"so</think>{row['answer']}", "none"]} for row in rows[1:]
    ]
    file = checkout / "their_model_samples_visulogic.jsonl"
    file.write_text(
        "".join(json.dumps(line) + "\n" for line in [*lines, {**lines[0], "index": "no"}])
    )
    done = evaluate_file(checkout, "tiny", file)
    found = json.loads((done / "scores.json").read_text())["benchmarks"]["visulogic"]
    count = len(rows)
    assert found["by_run"] == [(count - 1) / count, 0.0]
    assert found["errors"] == pytest.approx(1 / count)
    out, err = capsys.readouterr()
    assert f"visulogic: {count - 1} of {count} questions answered, 1 without" in out
    assert "left out, row no: no question of ours" in err
    assert (done / "pages/table_1.md").is_file()
    file.write_text(json.dumps({"index": "no", "resps": ["B"]}))
    with pytest.raises(ValueError, match="answers no question of visulogic"):
        evaluate_file(checkout, "tiny", file)
    with pytest.raises(ValueError, match="its name ends with no benchmark's"):
        evaluate_file(checkout, "tiny", file.rename(checkout / "x.jsonl"))
