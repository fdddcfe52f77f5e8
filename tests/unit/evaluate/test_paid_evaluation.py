"""`r1v3 evaluate` of a paid model: the price in advance, the budget, and where the key is sent."""

import csv
import os
import re
import shutil
from pathlib import Path

import pytest
import yaml
from providers import anthropic
from scripted_server import serve

from r1v3.cli import main
from r1v3.evaluate.target import find_target
from r1v3.recipe.load import load_project

ROOT = Path(__file__).parents[3]
CLAUDE = ("claude_37_sonnet", "sums", "--recipe", "paper")
ENTRY = {"title": "Sums", "file": "data/sums.csv", "form": "choice"}


@pytest.fixture
def checkout(tmp_path, monkeypatch):
    """Make a checkout with a benchmark of two questions, and an environment that names no server."""
    for name in [name for name in os.environ if name.startswith("R1V3_")]:
        monkeypatch.delenv(name)
    for name in ("URL", "KIND", "KEY_VARIABLE"):
        monkeypatch.setenv(f"R1V3_SERVER_{name}", "")  # restored after what a command writes
        monkeypatch.delenv(f"R1V3_SERVER_{name}")
    shutil.copytree(ROOT / "config", tmp_path / "config")
    paper = tmp_path / "config/recipes/paper.yaml"
    paper.write_text(paper.read_text().replace("resamples: 10000", "resamples: 100"))
    monkeypatch.chdir(tmp_path)
    table = tmp_path / "config/benchmarks.yaml"
    table.write_text(table.read_text() + yaml.safe_dump({"sums": ENTRY}))
    rows = [
        {"question": f"What is {n} and {n}?", "A": str(2 * n), "B": "1", "answer": "A"}
        for n in (1, 2)
    ]
    (tmp_path / "data").mkdir()
    with open(tmp_path / ENTRY["file"], "w", newline="") as file:
        writer = csv.DictWriter(file, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)
    return tmp_path


def command(*words):
    """Run a command, and return its exit code."""
    with pytest.raises(SystemExit) as ended:
        main(["evaluate", *words])
    return ended.value.code or 0


@pytest.mark.slow
def test_a_price_is_said_a_budget_ends_it_and_the_rest_alone_is_paid(checkout, capfd, monkeypatch):
    # Ten answers of at most 16,384 tokens at 15 a million: 2.46 at most, and nothing was asked for that.
    assert command(*CLAUDE, "--price") == 0
    said = capfd.readouterr().out
    [row] = [line for line in said.splitlines() if line.startswith("| all")]
    cells = [cell.strip() for cell in row.strip("|").split("|")]
    assert cells[1] == "2"
    assert cells[3] == "6,000"  # ten answers of the 600 tokens that config/prices.yaml assumes
    assert 2.46 < float(cells[6]) < 2.6
    assert re.search(r"Prices of claude-3-7-sonnet-20250219 .* 2026-\d\d-\d\d", said)
    with serve(anthropic("A", new=4000)) as (url, asked):
        monkeypatch.setenv("R1V3_SERVER_URL_CLAUDE_37_SONNET", url)
        monkeypatch.setenv("R1V3_SERVER_CONCURRENCY", "1")
        monkeypatch.setenv("ANTHROPIC_API_KEY", "sk-provider")
        monkeypatch.setenv("R1V3_SERVER_KEY_CLAUDE_37_SONNET", "sk-gateway")
        # Each costs 0.06 and may cost 0.25, so that the fourth has no room beside 0.18.
        assert command(*CLAUDE, "--budget", "0.40") == 4
        assert "the budget of 0.40 USD stops here" in capfd.readouterr().err
        assert len(asked) == 3
        command(*CLAUDE, "--price")
        assert "Measured on" in capfd.readouterr().out
        assert command(*CLAUDE, "--budget", "9") in (0, 3)  # 3: no verifier judged
        assert len(asked) == 10
    assert {row["headers"]["x-api-key"] for row in asked} == {"sk-gateway"}
    kept = b"".join(path.read_bytes() for path in checkout.rglob("*") if path.is_file())
    assert b"sk-gateway" not in kept
    assert b"sk-provider" not in kept


def test_a_provider_gets_its_key_at_its_own_address_alone(checkout, monkeypatch):
    baselines = load_project(checkout, "paper").recipe.baselines
    find_target("gpt_4o", baselines)
    assert os.environ["R1V3_SERVER_URL"] == "https://api.openai.com/v1"
    assert os.environ["R1V3_SERVER_KEY_VARIABLE"] == "OPENAI_API_KEY"
    monkeypatch.delenv("R1V3_SERVER_KEY_VARIABLE")
    monkeypatch.setenv("R1V3_SERVER_URL", "http://gateway:8000/v1")
    find_target("gpt_4o", baselines)
    assert "R1V3_SERVER_KEY_VARIABLE" not in os.environ


def test_what_is_not_paid_has_no_price_and_no_budget(checkout, capfd, monkeypatch):
    monkeypatch.setenv("R1V3_SERVER_URL", "http://127.0.0.1:9/v1")
    for flag in (["--price"], ["--budget", "1"]):
        assert "config/prices.yaml" in str(
            command("internvl3_78b", "sums", "--recipe", "paper", *flag)
        )
