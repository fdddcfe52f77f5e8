"""A damaged row, file or benchmark affects only itself, and is reported."""

import base64
import io
import json

import pytest
from evaluation_fixtures import evaluation_config, published_config, write_config
from PIL import Image

from r1v3.evaluate.answer import answer
from r1v3.evaluate.items.convert import to_tsv
from r1v3.evaluate.items.load import load_asked, load_benchmark, load_items
from r1v3.evaluate.items.rows import UnreadableFileError
from r1v3.evaluate.items.source import obtain_or_report
from r1v3.evaluate.pages.pages import write_pages
from r1v3.evaluate.score import score_evaluation
from r1v3.recipe.tables.benchmarks import UnreadableRows

COLUMNS = ("index", "question", "A", "B", "C", "answer", "category", "l2_category", "image")


def cells(index, picture, **changes):
    row = {"index": str(index), "question": f"Which of {index}?", "A": "x", "B": "y", "C": "z"}
    row |= {"answer": "B", "category": "c", "l2_category": "d", "image": picture()}
    return [(row | changes)[name] for name in COLUMNS]


def file_of(*lines):
    return ("\n".join(["\t".join(COLUMNS), *("\t".join(line) for line in lines)]) + "\n").encode()


def cut_jpeg():
    noise = Image.effect_noise((400, 400), 90)
    buffer = io.BytesIO()
    noise.save(buffer, format="JPEG", quality=95)
    data = buffer.getvalue()
    return base64.b64encode(data[: len(data) // 2]).decode()


def latin_1(picture):
    return file_of(cells(1, picture), cells(2, picture), cells(3, picture)).replace(
        b"Which of 2?", "Wo fährt 2?".encode("latin-1")
    )


DAMAGE = {
    "text in another encoding": (latin_1, "question is not text in UTF-8"),
    "a cell is missing": (
        lambda p: file_of(cells(1, p), cells(2, p)[:-1], cells(3, p)), "it has 8 of 9 cells",
    ),
    "a cell too many": (
        lambda p: file_of(cells(1, p), [*cells(2, p), "more"], cells(3, p)), "it has 10 of 9 cells",
    ),
    "a quote is lost": (
        lambda p: file_of(cells(1, p), cells(2, p, question='"Which'), cells(3, p)), "a quote is not closed",
    ),
    "a picture is not base64": (
        lambda p: file_of(cells(1, p), cells(2, p, image=p() + "!"), cells(3, p)),
        "a picture is not base64",
    ),
    "a picture is cut": (
        lambda p: file_of(cells(1, p), cells(2, p, image=cut_jpeg()), cells(3, p)),
        "a picture cannot be decoded",
    ),
    "a picture is no picture": (
        lambda p: file_of(
            cells(1, p), cells(2, p, image=base64.b64encode(b"<html>" * 20).decode()), cells(3, p)
        ),
        "a picture cannot be decoded",
    ),
    "a picture of a row that is not there": (
        lambda p: file_of(cells(1, p), cells(2, p, image="9"), cells(3, p)),
        "it has the picture of row '9', which is not there",
    ),
    "no right answer": (
        lambda p: file_of(cells(1, p), cells(2, p, answer=""), cells(3, p)), "the column answer is empty",
    ),
    "an answer that is no option": (
        lambda p: file_of(cells(1, p), cells(2, p, answer="E"), cells(3, p)), "'E' is none of A, B, C",
    ),
    "the right option is empty": (
        lambda p: file_of(cells(1, p), cells(2, p, B=""), cells(3, p)), "the right option, B, is empty",
    ),
    "an index twice": (
        lambda p: file_of(cells(1, p), cells(2, p), cells(2, p, question="?"), cells(3, p)),
        "two items have the key '2'",
    ),
}  # fmt: skip


@pytest.mark.parametrize("damage", DAMAGE)
def test_a_damaged_row_costs_that_row(table, picture, tmp_path, damage):
    write, reason = DAMAGE[damage]
    path = tmp_path / "mmstar.tsv"
    path.write_bytes(write(picture))
    loaded = load_benchmark(table["mmstar"], path)
    [lost] = loaded.unreadable
    assert lost.row.startswith("2 (line ")
    assert reason in lost.reason
    kept = [item.key for item in loaded.items]
    assert kept == (["1", "2", "3"] if damage == "an index twice" else ["1", "3"])
    assert [item.key for item, _ in load_asked(table["mmstar"], path, tmp_path / "images")] == kept
    assert len(loaded.scored(table["mmstar"])) == len(kept) + 1
    lenient = table["mmstar"].model_copy(update={"unreadable": UnreadableRows(scored="left out")})
    assert len(loaded.scored(lenient)) == len(kept)


def test_more_damage_than_is_allowed_names_file_benchmark_and_row(table, picture, tmp_path):
    path = tmp_path / "mmstar.tsv"
    bad = [cells(n, picture, answer="E") for n in range(6)]
    path.write_bytes(file_of(*bad, *(cells(n, picture) for n in range(6, 20))))
    with pytest.raises(
        UnreadableFileError, match=r"mmstar \(.*mmstar\.tsv\): 6 of 20 rows .* row 0 \(line 2\)"
    ):
        load_items(table["mmstar"], path)
    allowed = table["mmstar"].model_copy(update={"unreadable": UnreadableRows(share=0.3)})
    assert len(load_items(allowed, path)) == 14


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "the file is empty"),
        (b"\xff\xfei\x00n\x00d\x00", "the first line is not text in UTF-8"),
        (b"<html>not found</html>\n", "it is a web page"),
        (b"\t".join(name.encode() for name in COLUMNS) + b"\n", "no row with a picture"),
    ],
)
def test_a_file_that_is_no_benchmark_is_said_so(table, tmp_path, content, reason):
    path = tmp_path / "mmstar.tsv"
    path.write_bytes(content)
    with pytest.raises(UnreadableFileError, match=reason):
        load_items(table["mmstar"], path)


def test_a_line_that_is_no_json_and_a_file_that_is_no_parquet(table, picture, tmp_path):
    rows = [dict(zip(COLUMNS, cells(n, picture))) for n in (1, 2)]
    lines = [json.dumps(rows[0]), '{"index": "5", "quest', "[]", json.dumps(rows[1])]
    (tmp_path / "x.jsonl").write_text("\n".join(lines))
    to_tsv([tmp_path / "x.jsonl"], {}, tmp_path / "mmstar.tsv")
    loaded = load_benchmark(table["mmstar"], tmp_path / "mmstar.tsv")
    assert [item.key for item in loaded.items] == ["1", "2"]
    reasons = [row.reason for row in loaded.unreadable]
    assert "line 2: not valid JSON" in reasons[0]
    assert reasons[1] == "line 3: not a row of fields (type list)"
    (tmp_path / "x.parquet").write_bytes(b"PAR1 no")
    with pytest.raises(UnreadableFileError, match=r"x\.parquet: it is no Parquet file"):
        to_tsv([tmp_path / "x.parquet"], {}, tmp_path / "y.tsv")


BAD = {
    "mathvista_mini": [
        ({"question_type": "free_form", "answer_type": "float", "precision": "two", "answer": "1.5"},
         "precision must be a number of decimals, not 'two'"),
        ({"question_type": "free_form", "answer_type": "float", "precision": "", "answer": "1.5"},
         "precision must be"),
        ({"question_type": "multi_choice", "answer_type": "text", "choices": "['1', '2", "answer": "1"},
         "choices is not a list"),
        ({"question_type": "multi_choice", "answer_type": "text", "choices": "['1', '2']", "answer": "3"},
         "'3' is none of A, B"),
    ],
    "mme_reasoning": [({"question_type": "choice", "answer": ""}, "answer must be letters")],
    "mathverse_vision_only": [({"question_type": "multi", "answer": "A"}, "question_type must be")],
    "csvqa": [({"zh_question": "?", "en_question": "?", "question_type": "choice", "answer": "",
                "category": "Math", "difficulty": "x"}, "the column answer is empty")],
    "seephys": [({"answer": "1", "sig_figs": "few", "language": "English"}, "sig_figs must be a number")],
}  # fmt: skip


@pytest.mark.parametrize(
    ("name", "number"), [(n, k) for n, bad in BAD.items() for k in range(len(bad))]
)
def test_a_bad_cell_says_what_it_must_be(table, tsv, picture, name, number):
    cells_of, reason = BAD[name][number]
    entry = table[name]
    known = {column: "x" for column in (*entry.by, *entry.select)} | {"question": "?"}
    row = {"index": "7", "image": picture(), **known, "choices": "", "precision": "", **cells_of}
    with pytest.raises(UnreadableFileError) as error:
        load_items(entry, tsv([row], name))
    assert reason in str(error.value)
    assert f"{name} (" in str(error.value)
    assert "row 7 (line 2)" in str(error.value)


class Engine:
    """Answers B to every question."""

    def generate(self, requests, sampling):
        from r1v3.generate.types import Response

        for request in requests:
            runs = range(sampling.samples)
            yield [
                Response(request.key, n, "x</think>\\boxed{B}", (1,), (0.0,), "stop", 9)
                for n in runs
            ]


@pytest.fixture
def suite(table, picture, tmp_path, monkeypatch):
    """Make three benchmarks from a user's files: a good one, one with a damaged row, and a missing one."""
    monkeypatch.setattr("r1v3.evaluate.answer.load_engine", lambda *_: Engine())
    mine = tmp_path / "mine"
    mine.mkdir()
    monkeypatch.setenv("R1V3_BENCHMARKS", str(mine))
    (mine / "gone.tsv").write_bytes(file_of(cells(1, picture)))
    (mine / "good.tsv").write_bytes(file_of(*(cells(n, picture) for n in range(4))))
    (mine / "odd.tsv").write_bytes(
        file_of(*(cells(n, picture) for n in range(3)), cells(3, picture, answer=""))
    )
    (mine / "gone.tsv").unlink()
    configs = {}
    for name in ("gone", "odd", "good"):
        configs[name] = published_config(name, {"kind": "user", "describe": "a TSV"})
        (tmp_path / name).mkdir()
        write_config(tmp_path / name, configs[name])
    return tmp_path, configs


def entries(table, configs):
    return {name: table["mmstar"].asked("files") for name in configs}


def run(folder, configs, table, files: str = ""):
    """Obtain, ask and score; `files` is a separate folder for benchmarks with other content."""
    for name, config in configs.items():
        (folder / files / name).mkdir(parents=True, exist_ok=True)
        write_config(folder / files / name, config)
    where = {name: folder / files / name for name in configs}
    facts = {name: obtain_or_report(config, where[name]) for name, config in configs.items()}
    tsvs = {name: where[name] / f"{name}.tsv" for name in configs}
    ids = {name: f"{name}-0" for name in configs}
    config = evaluation_config(benchmarks=ids, entries=entries(table, configs))
    write_config(folder, config)
    where = {"benchmarks": tsvs, "held_out": {}, "folder": folder}
    asked = answer(config, model=None, **where)
    return facts, asked, score_evaluation(config, responses=folder, **where), tsvs


def test_the_others_are_asked_and_scored_and_the_table_says_what_is_missing(suite, table, capsys):
    folder, configs = suite
    facts, asked, scores, tsvs = run(folder, configs, table)
    assert asked["asked"] == 7
    assert "by hand as gone.tsv" in asked["missing"]["gone"] == scores["missing"]["gone"]
    assert "by hand as gone.tsv" in facts["gone"]["missing"]
    assert scores["benchmarks"]["good"]["mean"] == 1.0
    odd = scores["benchmarks"]["odd"]
    assert (odd["mean"], odd["n"]) == (0.75, 4)
    assert odd["unreadable"]["scored"] == "wrong"
    assert [row["row"] for row in odd["unreadable"]["rows"]] == ["3 (line 5)"]
    assert (odd["tokens"], odd["without_picture"]) == (1.0, 0)
    err = capsys.readouterr().err
    assert err.index("gone is missing: ") < err.index("gone is missing and not asked")
    listed = {name: table["mmstar"].model_copy(update={"title": name}) for name in configs}
    write_pages(folder, tsvs, listed, folder / "pages", name="m", against={})
    shown = (folder / "pages" / "table_1.md").read_text()
    assert "Missing: gone: gone (" in shown
    assert "odd: 1 unreadable rows count as wrong." in shown
    assert "missing" in (folder / "pages" / "files.md").read_text()


def test_a_repaired_file_is_read_again_and_only_what_is_new_is_asked(suite, table, picture):
    folder, configs = suite
    run(folder, configs, table)
    (folder / "mine" / "odd.tsv").write_bytes(file_of(*(cells(n, picture) for n in range(4))))
    (folder / "mine" / "gone.tsv").write_bytes(file_of(cells(1, picture, answer="A")))
    _, asked, scores, _ = run(folder, configs, table, files="repaired")
    assert asked["asked"] == 2
    assert scores["missing"] == {}
    assert {name: found["mean"] for name, found in scores["benchmarks"].items()} == {
        "good": 1.0,
        "odd": 1.0,
        "gone": 0.0,
    }


def test_a_missing_verifier_is_said_before_anything_is_asked(suite, table, monkeypatch, capsys):
    folder, configs = suite
    monkeypatch.delenv("R1V3_VERIFIER_URL", raising=False)
    for name, config in configs.items():
        obtain_or_report(config, folder / name)
    verifier = {"model": "judge", "max_unjudged": 0.1}
    grading = {"accuracy_weight": 0.5, "format_weight": 0.5, "verifier": verifier}
    config = evaluation_config(grading=grading, entries=entries(table, configs))
    tsvs = {name: folder / name / f"{name}.tsv" for name in configs}
    where = {"benchmarks": tsvs, "held_out": {}, "folder": folder}

    def refuse(*_):
        assert "the verifier judge, and R1V3_VERIFIER_URL is not set" in capsys.readouterr().err
        return Engine()

    monkeypatch.setattr("r1v3.evaluate.answer.load_engine", refuse)
    answer(config, model=None, **where)
    found = score_evaluation(config, responses=folder, **where)["benchmarks"]["good"]
    assert found["judged_by"].startswith("rules alone: judge has no address")


def good_rows(picture, count=4):
    return [cells(n, picture) for n in range(count)]


# Benchmark, what its file is made of, what is lost (a row or the benchmark), and what is said of it.
TEN_WAYS = {
    "no_answer": (
        lambda p: file_of(*good_rows(p, 3), cells(3, p, answer="")), "row", "the column answer is empty",
    ),
    "other_answer": (
        lambda p: file_of(*good_rows(p, 3), cells(3, p, answer="E")), "row", "'E' is none of A, B, C",
    ),
    "short_row": (
        lambda p: file_of(*good_rows(p, 3), cells(3, p)[:-1]), "row", "it has 8 of 9 cells",
    ),
    "other_text": (
        lambda p: file_of(*good_rows(p)).replace(b"Which of 3?", "Wo fährt 3?".encode("latin-1")),
        "row", "not text in UTF-8",
    ),
    "cut_picture": (
        lambda p: file_of(*good_rows(p, 3), cells(3, p, image=cut_jpeg())),
        "row", "a picture cannot be decoded",
    ),
    "empty_file": (lambda _: b"", "benchmark", "the file is empty"),
    "web_page": (lambda _: b"<html>not found</html>\n", "benchmark", "it is a web page"),
    "no_rows": (lambda _: file_of(), "benchmark", "no row with a picture"),
    "all_rows": (
        lambda p: file_of(*(cells(n, p, answer="E") for n in range(4))),
        "benchmark", "none of its rows can be read; first row 0 (line 2): the answer 'E'",
    ),
    "not_there": (lambda _: None, "benchmark", "by hand as not_there.tsv"),
}  # fmt: skip


def test_each_of_ten_damages_costs_its_row_or_benchmark_alone(
    table, picture, tmp_path, monkeypatch, capsys
):
    monkeypatch.setattr("r1v3.evaluate.answer.load_engine", lambda *_: Engine())
    mine = tmp_path / "mine"
    mine.mkdir()
    monkeypatch.setenv("R1V3_BENCHMARKS", str(mine))
    contents = {name: write(picture) for name, (write, _, _) in TEN_WAYS.items()}
    contents["sound"] = file_of(*good_rows(picture))
    configs = {}
    for name, content in contents.items():
        (mine / f"{name}.tsv").write_bytes(b"x" if content is None else content)
        configs[name] = published_config(name, {"kind": "user", "describe": "a TSV"})
    (mine / "not_there.tsv").unlink()
    _, asked, scores, _ = run(tmp_path, configs, table)
    said = capsys.readouterr().err
    lost = {name for name, (_, cost, _) in TEN_WAYS.items() if cost == "benchmark"}
    assert set(scores["missing"]) == lost
    assert scores["benchmarks"]["sound"]["mean"] == 1.0
    for name, (_, cost, reason) in TEN_WAYS.items():
        if cost == "benchmark":
            assert reason in scores["missing"][name] == asked["missing"][name]
            assert f"{name} is missing" in said
            continue
        found = scores["benchmarks"][name]
        [row] = found["unreadable"]["rows"]
        assert reason in row["reason"]
        assert row["row"].startswith("3 (line 5)")
        assert (found["mean"], found["n"]) == (0.75, 4)
