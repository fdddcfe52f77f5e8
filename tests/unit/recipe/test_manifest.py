"""Manifests, and running a stage in its folder."""

import hashlib
import json
import multiprocessing
import os
import time
from pathlib import Path

import pytest

from r1v3.recipe.graph.configs import StageConfig
from r1v3.recipe.graph.identity import hash_of
from r1v3.recipe.outputs import stage
from r1v3.recipe.outputs.checkpoint import checkpoint_folder
from r1v3.recipe.outputs.manifest import read_manifest, write_manifest
from r1v3.recipe.outputs.stage import alone, folders, run_stage, tables


def config_of(**resolved) -> dict:
    """Return the content of `config.json` for a resolved config."""
    resolved = {"version": 1, "name": "cold_start", "seed": 7} | resolved
    hash = hash_of("sft", resolved)
    return {"kind": "sft", "name": "cold_start", "hash": hash, "document": resolved}


CONFIG = config_of(steps=3)


class StepsConfig(StageConfig):
    """A stage with a setting of its own."""

    steps: int


def run_manifest(folder: Path, **facts) -> Path:
    """Write a training run with checkpoints at steps 5 and 10."""
    kept = [{"step": step, "path": f"checkpoints/step-{step:06d}"} for step in (5, 10)]
    for entry in kept:
        (folder / entry["path"]).mkdir(parents=True)
    path = folder / "manifest.json"
    facts = {"checkpoints": kept, "last": kept[-1]["path"], "best": None} | facts
    write_manifest(path, config=CONFIG, files=[], facts=facts)
    return path


def test_a_manifest_vouches_for_the_files_it_names(tmp_path):
    (tmp_path / "sub").mkdir()
    (tmp_path / "sub" / "a.txt").write_text("hello")
    path = tmp_path / "manifest.json"
    write_manifest(path, config=CONFIG, files=[tmp_path / "sub" / "a.txt"], facts={"steps": 3})
    manifest = read_manifest(path)
    assert manifest["files"] == {"sub/a.txt": hashlib.sha256(b"hello").hexdigest()}
    assert (manifest["kind"], manifest["name"], manifest["hash"]) == (
        "sft",
        "cold_start",
        CONFIG["hash"],
    )
    assert manifest["facts"] == {"steps": 3}
    assert manifest["environment"]["packages"]["torch"]
    assert [p.name for p in tmp_path.iterdir() if "tmp" in p.name] == []


def test_what_is_not_a_manifest_is_refused(tmp_path):
    (tmp_path / "manifest.json").write_text("{}")
    with pytest.raises(ValueError, match="not a manifest"):
        read_manifest(tmp_path / "manifest.json")


def test_last_is_the_last_checkpoint(tmp_path):
    path = run_manifest(tmp_path)
    assert checkpoint_folder(path, "last") == tmp_path / "checkpoints/step-000010"


def test_last_is_the_best_checkpoint_where_training_stopped_early(tmp_path):
    path = run_manifest(tmp_path, best="checkpoints/step-000005")
    assert checkpoint_folder(path, "last") == tmp_path / "checkpoints/step-000005"


def test_selected_is_the_step_that_the_selection_names(tmp_path):
    path = run_manifest(tmp_path / "run")
    selection = tmp_path / "manifest.json"
    write_manifest(selection, config=CONFIG, files=[], facts={"chosen": 5})
    assert (
        checkpoint_folder(path, "selected", selection) == tmp_path / "run/checkpoints/step-000005"
    )


def test_a_checkpoint_by_step(tmp_path):
    path = run_manifest(tmp_path)
    assert checkpoint_folder(path, "step-000005") == tmp_path / "checkpoints/step-000005"


def test_a_checkpoint_that_was_not_kept_names_those_that_were(tmp_path):
    path = run_manifest(tmp_path)
    with pytest.raises(
        ValueError, match=r"'step-000007'; allowed: last, selected, step-000005, step-0"
    ):
        checkpoint_folder(path, "step-000007")


def test_a_checkpoint_whose_bytes_are_elsewhere_is_told(tmp_path):
    path = run_manifest(tmp_path)
    (tmp_path / "checkpoints/step-000010").rmdir()
    with pytest.raises(ValueError, match="not on this machine"):
        checkpoint_folder(path, "last")


def test_a_stage_vouches_for_results_and_not_for_logs_pictures_and_resume_states(tmp_path, capsys):
    (tmp_path / "config.json").write_text(json.dumps(CONFIG))

    def work(config, folder):
        assert config == StepsConfig(version=1, name="cold_start", seed=7, steps=3)
        for name in (
            "metrics.jsonl",
            "log.txt",
            "probe.log",
            "resume/state.pt",
            "images/aa/aa.png",
            ".x.lock",
        ):
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            (folder / name).write_text("x")
        return {"steps": 1}

    run_stage(tmp_path / "config.json", tmp_path / "manifest.json", work, StepsConfig)
    manifest = read_manifest(tmp_path / "manifest.json")
    assert sorted(manifest["files"]) == ["config.json", "metrics.jsonl"]
    assert "sft cold_start-" + CONFIG["hash"] + ": starting" in capsys.readouterr().out


def test_what_a_run_resumes_from_stays_until_the_manifest_vouches(tmp_path, monkeypatch):
    (tmp_path / "config.json").write_text(json.dumps(CONFIG))
    state = tmp_path / "resume" / "step-000004.pt"

    def work(config, folder):
        state.parent.mkdir(exist_ok=True)
        state.write_text("x")
        return {}

    def killed(*_, **__):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(stage, "write_manifest", killed)
        with pytest.raises(KeyboardInterrupt):
            run_stage(tmp_path / "config.json", tmp_path / "manifest.json", work, StepsConfig)
    assert state.exists()
    run_stage(tmp_path / "config.json", tmp_path / "manifest.json", work, StepsConfig)
    assert not state.parent.exists()


def test_a_config_of_another_stage_is_refused_by_file_and_key(tmp_path):
    path = tmp_path / "config.json"
    path.write_text(json.dumps(config_of()))

    def work(config, folder):
        raise AssertionError("a stage began with a config that is not its own")

    with pytest.raises(ValueError, match=r"config\.json: .*\n.*steps"):
        run_stage(path, tmp_path / "manifest.json", work, StepsConfig)


def test_a_stage_that_fails_leaves_no_manifest(tmp_path):
    (tmp_path / "config.json").write_text(json.dumps(CONFIG))

    def work(config, folder):
        raise KeyError("told")

    with pytest.raises(KeyError):
        run_stage(tmp_path / "config.json", tmp_path / "manifest.json", work, StepsConfig)
    assert not (tmp_path / "manifest.json").exists()


def hold(output: Path, started) -> None:
    with alone(output):
        started.set()
        time.sleep(0.5)
        output.write_text("{}")


def test_a_second_process_waits_for_the_first_and_finds_its_work_done(tmp_path, capsys):
    output, started = tmp_path / "manifest.json", multiprocessing.Event()
    first = multiprocessing.Process(target=hold, args=(output, started))
    first.start()
    assert started.wait(60)
    with alone(output) as finished:
        assert finished
    first.join()
    assert "another process is still at it" in capsys.readouterr().out
    with alone(output) as finished:
        assert not finished


def run_rank(rank: str, folder: Path) -> None:
    os.environ |= {"RANK": rank, "TORCHELASTIC_RUN_ID": "launch-7"}

    def work(config, folder):
        (folder / f"rank-{rank}").touch()
        return {"rank": rank}

    run_stage(folder / "config.json", folder / "manifest.json", work, StepsConfig)


def start_rank(rank: str, folder: Path) -> multiprocessing.Process:
    process = multiprocessing.Process(target=run_rank, args=(rank, folder))
    process.start()
    return process


@pytest.mark.slow
def test_of_several_ranks_all_work_and_only_the_first_writes(tmp_path):
    (tmp_path / "config.json").write_text(json.dumps(CONFIG))
    second = start_rank("1", tmp_path)
    time.sleep(0.3)
    assert not (tmp_path / "rank-1").exists()  # it waits for the first
    first = start_rank("0", tmp_path)
    for process in (first, second):
        process.join(60)
        assert process.exitcode == 0
    assert (tmp_path / "rank-1").exists()
    assert read_manifest(tmp_path / "manifest.json")["facts"] == {"rank": "0"}


def test_no_rank_works_where_an_older_process_finished_the_work(tmp_path):
    (tmp_path / "config.json").write_text(json.dumps(CONFIG))
    started = multiprocessing.Event()
    older = multiprocessing.Process(target=hold, args=(tmp_path / "manifest.json", started))
    older.start()
    assert started.wait(60)
    ranks = [start_rank(rank, tmp_path) for rank in ("0", "1")]
    for process in (older, *ranks):
        process.join(60)
        assert process.exitcode == 0
    assert sorted(tmp_path.glob("rank-*")) == []


def test_parents_are_found_by_their_ids():
    manifests = [Path("results/benchmarks/mmstar-01/manifest.json")]
    assert folders({"mmstar": "mmstar-01"}, manifests) == {
        "mmstar": Path("results/benchmarks/mmstar-01")
    }
    assert tables({"mmstar": "mmstar-01"}, manifests) == {
        "mmstar": Path("results/benchmarks/mmstar-01/mmstar.tsv")
    }


@pytest.mark.parametrize(
    "change",
    [
        {"kind": ["grpo"]}, {"kind": None}, {"name": 5}, {"created": 5}, {"hash": 5}, {"environment": [1]},
        {"environment": None}, {"inputs": [1]}, {"code": "x"}, {"environments_before": {}}, {"facts": []},
        {"files": {"": "0" * 64}}, {"files": {".": "0" * 64}}, {"files": {"a\0b": "0" * 64}},
        {"files": {"\ud800": "0" * 64}}, {"files": {"a/../../b": "0" * 64}}, {"files": {"a": "0" * 63}},
    ],
    ids=str,
)  # fmt: skip
def test_a_manifest_of_wrong_types_is_told_and_never_taken(tmp_path, change):
    """Check a manifest without a seal, as earlier versions wrote it."""
    path = tmp_path / "manifest.json"
    whole = write_manifest(path, config=CONFIG, files=[], facts={}) | change
    del whole["seal"]
    path.write_text(json.dumps(whole))
    with pytest.raises(ValueError, match=rf"{path}: (damaged|names).*; delete {path}"):
        read_manifest(path)
    path.rename(path.with_name(stage.FINISHED_COPY))
    with alone(path, lambda: stage._take_finished(path, CONFIG, [])) as finished:
        assert not finished


def test_a_kept_manifest_without_a_hash_is_not_taken(tmp_path):
    path = tmp_path / stage.FINISHED_COPY
    whole = write_manifest(path, config=CONFIG, files=[], facts={})
    del whole["seal"], whole["hash"]
    path.write_text(json.dumps(whole))
    assert not stage._take_finished(tmp_path / "manifest.json", CONFIG, [])


def test_a_lock_that_holds_no_text_stops_nobody(tmp_path):
    (tmp_path / ".manifest.json.lock").write_bytes(b"\xff\xfe\x00\n")
    with alone(tmp_path / "manifest.json") as finished:
        assert not finished


@pytest.mark.slow
def test_a_flipped_bit_anywhere_in_a_manifest_is_seen(tmp_path):
    path = tmp_path / "manifest.json"
    write_manifest(path, config=CONFIG, files=[], facts={"rate": 0.1, "by_step": {25: None}})
    read_manifest(path)
    whole = path.read_bytes()
    seen = whole.index(b'"freeze"')  # behind it a hundred lines alike
    places = [*range(seen), *range(len(whole) - 100, len(whole) - 1)]
    for at in places[::5]:  # 5 is no divisor of 8, so every bit of a byte has its turn
        path.write_bytes(whole[:at] + bytes([whole[at] ^ 1 << at % 8]) + whole[at + 1 :])
        with pytest.raises(ValueError, match=r"damaged|not a manifest"):
            read_manifest(path)


def test_a_pipe_in_place_of_a_manifest_is_named_and_not_waited_for(tmp_path):
    os.mkfifo(tmp_path / "manifest.json")
    with pytest.raises(
        ValueError, match=r"manifest\.json: damaged; a file of JSON is expected.*; delete"
    ):
        read_manifest(tmp_path / "manifest.json")
