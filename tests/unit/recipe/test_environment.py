"""The environment in a manifest, and environments in which an interrupted stage refuses to continue."""

import json
import os
import platform

import pytest

from r1v3.recipe.graph.configs import StageConfig
from r1v3.recipe.graph.identity import hash_of
from r1v3.recipe.outputs import environment as module
from r1v3.recipe.outputs.environment import (
    begin_or_resume,
    environment,
    environment_changes,
    freeze,
    instructions,
)
from r1v3.recipe.outputs.manifest import read_manifest
from r1v3.recipe.outputs.stage import own_files, run_stage

CONFIG = {
    "kind": "sft",
    "name": "cold_start",
    "hash": "",
    "document": {"version": 1, "name": "cold_start", "seed": 7},
}
CONFIG["hash"] = hash_of(CONFIG["kind"], CONFIG["document"])


def under(**packages) -> dict:
    """Return an environment with these packages."""
    return {"python": "3.11.2", "packages": packages, "machine": {"gpus": []}}


def stage(folder, work):
    config = folder / "config.json"
    config.write_text(json.dumps(CONFIG))
    run_stage(config, folder / "manifest.json", work, StageConfig)
    return read_manifest(folder / "manifest.json")


def interrupted(config, folder):
    """Run a stage that writes a state for resuming, and fails."""
    (folder / "resume").mkdir()
    raise KeyboardInterrupt


def test_a_manifest_names_seed_machine_and_every_installed_package(tmp_path):
    made = stage(tmp_path, lambda config, folder: {})
    assert made["seed"] == 7
    packages = dict(line.split("==") for line in made["environment"]["freeze"])
    assert packages["torch"].startswith("2.13.0")
    assert len(packages) > 100
    machine = made["environment"]["machine"]
    assert machine["cores"] == os.cpu_count()
    assert machine["cpu"]
    assert {"gpus", "driver", "host", "memory_gib"} <= set(machine)
    assert "environments_before" not in made


def test_the_freeze_agrees_with_what_python_imports():
    import pydantic

    assert f"pydantic=={pydantic.VERSION}" in freeze()


def test_only_what_changes_results_counts_as_a_difference():
    now = under(torch="2.14.0", snakemake="10")
    assert environment_changes(under(torch="2.13.0", snakemake="9"), now) == [
        "torch was 2.13.0, is 2.14.0"
    ]
    assert environment_changes(under(vllm="0.32.0"), under()) == ["vllm was 0.32.0, is none"]
    on_gpu = under() | {"machine": {"gpus": ["H200", "H200"]}}
    assert environment_changes(under(), on_gpu) == ["GPU was none, is H200"]
    assert environment_changes(on_gpu, under() | {"machine": {"gpus": ["H200"]}}) == []


def test_an_interrupted_stage_goes_on_under_the_same_versions(tmp_path):
    with pytest.raises(KeyboardInterrupt):
        stage(tmp_path, interrupted)
    assert "environments_before" not in stage(tmp_path, lambda config, folder: {})


def test_an_interrupted_stage_refuses_other_versions_unless_told(tmp_path, monkeypatch):
    with pytest.raises(KeyboardInterrupt):
        stage(tmp_path, interrupted)
    real = environment()
    other = real | {"packages": real["packages"] | {"torch": "9.9"}}
    monkeypatch.setattr(module, "environment", lambda: other)
    worked = []
    with pytest.raises(ValueError, match=r"torch was 2\.13.*is 9\.9.*R1V3_RESUME_ANYWAY"):
        stage(tmp_path, lambda config, folder: worked.append(1) or {})
    assert worked == []
    monkeypatch.setenv("R1V3_RESUME_ANYWAY", "1")
    made = stage(tmp_path, lambda config, folder: {})
    assert [e["packages"]["torch"] for e in made["environments_before"]] == [
        real["packages"]["torch"]
    ]


@pytest.mark.parametrize(
    "content",
    [b"", b"{}", b"5", b"[5]", b"[null]", b"\xff", b'[{"python": "3"}]', b"[" * 10**5,
     b'[{"python": "3", "packages": [], "machine": {"gpus": []}}]',
     b'[{"python": "3", "packages": {}, "machine": {"gpus": [5]}}]'],
)  # fmt: skip
def test_a_damaged_note_of_versions_is_named_with_what_to_do(tmp_path, content):
    note = tmp_path / module.NOTE
    note.write_bytes(content)
    with pytest.raises(ValueError, match=f"{note}: damaged.*; delete it to go on"):
        begin_or_resume(tmp_path, half_done=True)
    note.unlink()
    assert begin_or_resume(tmp_path, half_done=True) == []


def test_a_stage_that_starts_afresh_may_have_any_versions(tmp_path, monkeypatch):
    begin_or_resume(tmp_path, half_done=False)
    monkeypatch.setattr(module, "environment", lambda: under(torch="9.9"))
    assert begin_or_resume(tmp_path, half_done=False) == []


def test_a_stage_never_writes_through_a_link_into_the_cache(tmp_path):
    cached = tmp_path / "cache"
    cached.write_text("kept")
    folder = tmp_path / "run"
    (folder / "checkpoints").mkdir(parents=True)
    (folder / "checkpoints" / "model").symlink_to(cached)
    own_files(folder)
    (folder / "checkpoints" / "model").write_text("new")
    assert cached.read_text() == "kept"


@pytest.mark.parametrize(
    ("cpuinfo", "said"),
    [
        (
            "vendor_id\t: GenuineIntel\nflags\t\t: fpu avx avx2 avx512f amx_tile\n",
            "GenuineIntel amx_tile",
        ),
        ("vendor_id\t: AuthenticAMD\nflags\t\t: fpu avx avx2\n", "AuthenticAMD avx2"),
        ("Features\t: fp asimd\n", f"{platform.machine()} asimd"),
        ("", f"{platform.machine()} none"),
    ],
)
def test_the_widest_instructions_of_a_processor_are_named(cpuinfo, said):
    assert instructions(cpuinfo) == said
