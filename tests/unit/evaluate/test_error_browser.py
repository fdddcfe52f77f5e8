import re

import pandas as pd
import pytest

from r1v3.evaluate.pages.browser import write_browser
from r1v3.evaluate.pages.figures import figure_1, figure_3, figure_4


@pytest.fixture
def page(table, tsv, picture, tmp_path):
    rows = [
        {
            "index": n,
            "image": picture(),
            "question": f"<b>{n}</b>?",
            "A": "x",
            "B": "y",
            "answer": "A",
        }
        for n in range(3)
    ]
    file = tsv([row | {"category": "c", "l2_category": "d"} for row in rows])
    paths = []
    for run in (0, 1):
        lines = [
            _line("0", run, True, "A"),
            _line("1", run, run == 0, "A" if run == 0 else None),
            _line("2", run, False, "B", "<think>I can't see the image.</think>B"),
        ]
        paths.append(tmp_path / f"v{run}.parquet")
        pd.DataFrame(lines).to_parquet(paths[-1])
    entry, output = table["mmstar"], tmp_path / "page.html"
    shown = write_browser(entry.title, entry, file, paths, output)
    return shown, (tmp_path / "page.html").read_text()


def _line(key, run, correct, extracted, response="<think>t</think>A"):
    row = {"key": key, "run": run, "correct": correct, "judged": True, "extracted": extracted}
    return row | {"response": response, "reason": "why", "tokens": 4, "finish_reason": "stop"}


def test_the_page_shows_items_that_were_wrong_in_any_run(page):
    shown, text = page
    assert shown == 2
    assert re.findall(r"<h2>(\w+)</h2>", text) == ["1", "2"]  # nearly right first
    assert "right in 1 of 2 runs" in text


def test_the_page_holds_its_pictures_and_asks_nobody(page):
    _, text = page
    assert text.count("data:image/png;base64,") == 2
    assert "http" not in text


def test_what_a_file_says_is_text_and_never_markup(page):
    _, text = page
    assert "<b>1</b>?" not in text
    assert "&lt;b&gt;1&lt;/b&gt;?" in text


def test_items_can_be_filtered_by_what_went_wrong(page):
    _, text = page
    assert re.findall(r'data-marks="([^"]*)"', text) == ["unanswered", "blind"]


def score(mean):
    return {"mean": mean, "low": mean - 0.1, "high": mean + 0.1}


def test_the_figures_are_drawn(table, tmp_path):
    ours = {"final": {"phyx_mini_mc": score(0.4), "mmmu_val": score(0.6)}}
    figure_1(table, ours, tmp_path / "1.svg", miniature=True)
    figure_3(table, ours, tmp_path / "3.svg", miniature=False)
    exam = {"final": {"mean": 0.67}}
    points = figure_4(table["gaokao_2025"], exam, tmp_path / "4.svg", miniature=True)
    assert points == {"Skywork-R1V3-38B": 142, "final": 100.5}
    texts = [(tmp_path / f"{n}.svg").read_text() for n in (1, 3, 4)]
    assert [text.count("<svg") for text in texts] == [1, 1, 1]
    # A miniature has an axis of its own, and is never beside GPT-4o.
    for text in (
        texts[0],
        texts[2],
    ):
        assert "ours: tiny model, miniatures" in text
        assert "the report's: real benchmarks" in text
        assert text.count("-axes_") == 2
    assert texts[1].count("-axes_") == 1
    assert "<title>final, PhyX" in texts[1]
