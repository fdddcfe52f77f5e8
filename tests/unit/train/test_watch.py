"""A run while it learns: alarms on made-up curves, and what `r1v3 watch` shows of a folder."""

import json

import pandas as pd
import pytest
from PIL import Image

from r1v3.analyze.mlflow.publish import alarm_tags
from r1v3.cli.app import app
from r1v3.data.records import Record, write_records
from r1v3.train.grpo.records.alarms import SPAN, find_alarms
from r1v3.train.grpo.records.watch import (
    course,
    grpo_folder,
    read_run_so_far,
    watch_screen,
    write_watch_page,
)

CALM = {
    "reward": 0.5,
    "accuracy": 0.5,
    "response_length": 100.0,
    "truncated": 0.0,
    "entropy": 1.0,
    "repetition": 0.4,
    "zero_variance_groups": 0.3,
    "mismatch/kl": 0.001,
}


def rows(**later):
    """Return the rows of a stable run in three spans, with some metrics changed in the last one."""
    calm = [{"step": n + 1, **CALM} for n in range(2 * SPAN)]
    return calm + [{"step": 2 * SPAN + n + 1, **CALM, **later} for n in range(SPAN)]


@pytest.mark.parametrize(
    ("name", "bad", "fine"),
    [
        ("reward_collapse", {"reward": 0.2}, {"reward": 0.3}),
        ("entropy_collapse", {"entropy": 0.05}, {"entropy": 0.2}),
        (
            "length_explosion",
            {"response_length": 250.0, "truncated": 0.3},
            {"response_length": 250.0},
        ),
        ("repetition", {"repetition": 0.6}, {"repetition": 0.5}),
        ("hacked_reward", {"reward": 0.7}, {"reward": 0.7, "accuracy": 0.7}),
        ("no_signal", {"zero_variance_groups": 0.95}, {"zero_variance_groups": 0.8}),
        ("mismatch", {"mismatch/kl": 0.2}, {"mismatch/kl": 0.05}),
    ],
)
def test_each_alarm_rings_for_its_fault_alone(name, bad, fine):
    assert [alarm.name for alarm in find_alarms(rows(**bad))] == [name]
    assert find_alarms(rows(**fine)) == []
    assert find_alarms(rows(**bad)[-SPAN:]) == []  # too few steps to compare


def test_an_alarm_says_since_when_and_how_much():
    (alarm,) = find_alarms(rows(entropy=0.05))
    assert (alarm.step, alarm.says) == (3 * SPAN, "mean entropy is 0.050 nats and was 1.000")


def test_metrics_that_are_missing_or_no_numbers_ring_nothing():
    assert find_alarms([{"step": n, "reward": None} for n in range(50)]) == []


def test_mlflow_has_the_same_alarms_as_tags():
    tags = alarm_tags("grpo", rows(entropy=0.05))
    says = "step 30: mean entropy is 0.050 nats and was 1.000"
    assert tags == {"alarms": "1", "alarm.entropy_collapse": says}
    assert alarm_tags("grpo", rows()) == {"alarms": "0"}
    assert alarm_tags("sft", rows(entropy=0.05)) == {}


@pytest.fixture
def run(tmp_path):
    """Write a run of 30 steps whose entropy collapsed, with the rollouts of one step and a picture."""
    data, folder = tmp_path / "results/data/set-0123456789", tmp_path / "results/runs/rl-abcdef0123"
    (data / "images").mkdir(parents=True)
    Image.new("RGB", (4, 4), "red").save(data / "images/one.png")
    own = Record(
        id="q1", question="?", options=None, answer="7", answer_type="open", images=("images/one.png",),
        domain="plain", difficulty="normal", language="en", source="world", licence="x", split="train",
    )  # fmt: skip
    write_records(data, [own])
    (folder / "rollouts").mkdir(parents=True)
    config = {
        "kind": "grpo",
        "name": "rl",
        "document": {"data": data.name, "settings": {"steps": 40}},
    }
    (folder / "config.json").write_text(json.dumps(config))
    lines = [json.dumps(row) + "\n" for row in rows(entropy=0.05)]
    (folder / "metrics.jsonl").write_text("".join(lines) + '{"step": 31, "rew')
    sample = {"step": 30, "prompt": "q1", "finish": "stop", "reason": "", "by": "rule:number"}
    answers = [
        sample | {"sample": 0, "text": "<b>7</b>\x1b[2J", "reward": 1.0, "accuracy": 1.0},
        sample | {"sample": 1, "text": "8", "reward": 0.0, "accuracy": 0.0, "by": "none"},
    ]
    pd.DataFrame(answers).to_parquet(folder / "rollouts/step-000030.parquet")
    return folder


def test_a_screen_has_course_alarms_rules_and_answers(run):
    text = watch_screen(read_run_so_far(run))
    assert text.startswith("rl-abcdef0123: step 30 of 40, running")
    assert "ALARM entropy_collapse: mean entropy is 0.050 nats and was 1.000" in text
    assert "decided by rule:number 50% (100% of the right), none 50% (0% of the right)" in text
    assert "q1, reward 1.00: <b>7</b>" in text
    assert "\x1b" not in text
    assert course([0.0] * 10 + [1.0] * 10, width=4) == "▁▁██"


def test_the_page_shows_pictures_escapes_answers_and_refreshes_until_the_end(run, tmp_path):
    write_watch_page(read_run_so_far(run), tmp_path / "page.html", every=5)
    page = (tmp_path / "page.html").read_text()
    assert "&lt;b&gt;7&lt;/b&gt;" in page
    assert "<b>7" not in page
    assert "data:image/png;base64," in page
    assert "location.reload(), 5000" in page
    (run / "manifest.json").write_text("{}")
    write_watch_page(read_run_so_far(run), tmp_path / "page.html", every=5)
    assert "location.reload" not in (tmp_path / "page.html").read_text()


def test_a_run_is_found_by_folder_stable_name_or_name(run, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "results/runs/rl_hard-abcdef0123").mkdir()
    (tmp_path / "results/runs/rl_hard-abcdef0123/config.json").write_text("{}")
    assert grpo_folder("rl").name == run.name
    (tmp_path / "rl.json").write_text(json.dumps({"folder": str(run)}))
    assert grpo_folder(tmp_path / "rl.json") == run
    app(["watch", "rl", "--once", "--page", "page.html"], standalone_mode=False)
    assert "step 30 of 40" in capsys.readouterr().out
    assert (tmp_path / "page.html").exists()
    monkeypatch.chdir("/")
    app(["watch", "rl", "--once", "--root", str(tmp_path)], standalone_mode=False)
    assert "step 30 of 40" in capsys.readouterr().out
    with pytest.raises(ValueError, match="there is no run here"):
        read_run_so_far(tmp_path / "nothing")


def test_a_run_of_another_stage_is_told(run):
    (run / "config.json").write_text('{"kind": "sft"}')
    with pytest.raises(ValueError, match="stage grpo is needed, not sft"):
        read_run_so_far(run)


@pytest.mark.parametrize(
    "document",
    [{}, {"data": "d"}, {"data": "d", "settings": 5}, {"data": "d", "settings": {"steps": "x"}},
     {"data": 5, "settings": {"steps": 4}}],
)  # fmt: skip
def test_a_config_that_says_too_little_is_named(run, document):
    config = {"kind": "grpo", "name": "rl", "document": document}
    (run / "config.json").write_text(json.dumps(config))
    with pytest.raises(ValueError, match=r"config\.json: damaged; .*; delete it"):
        read_run_so_far(run)


@pytest.mark.parametrize(
    "row", [{"x": 1}, {"prompt": None, "text": None, "by": None, "reward": None}]
)
def test_rollouts_of_another_table_are_named(run, row):
    pd.DataFrame([row]).to_parquet(run / "rollouts/step-000030.parquet")
    with pytest.raises(ValueError, match=r"step-000030\.parquet: damaged; .*; remove it"):
        read_run_so_far(run)


@pytest.mark.parametrize("value", ["[1]", "null", "NaN", "1e999", "9" * 400])
def test_a_value_that_is_no_number_does_not_stop_the_screen(run, value):
    lines = (run / "metrics.jsonl").read_text().splitlines(keepends=True)
    lines[5] = json.dumps({**json.loads(lines[5]), "reward": 0}).replace(
        '"reward": 0', f'"reward": {value}'
    )
    (run / "metrics.jsonl").write_text("".join(lines))
    assert "step 30 of 40" in watch_screen(read_run_so_far(run))
