"""Arbitrary configurations, manifests and sites: a message that names the file, and never a traceback."""

import contextlib
import json
import tempfile
from pathlib import Path

import pytest
import yaml
from fuzzing import JSON, changed, fuzz
from hypothesis import given
from hypothesis import strategies as st

from r1v3.recipe.errors import RecipeError
from r1v3.recipe.graph.configs import GrpoConfig
from r1v3.recipe.graph.identity import hash_of
from r1v3.recipe.load import load_recipe
from r1v3.recipe.outputs.manifest import read_manifest
from r1v3.recipe.outputs.stage import check_config, read_config
from r1v3.recipe.site import read_site

ROOT = Path(__file__).parents[3]
SITE = yaml.safe_load((ROOT / "slurm" / "site.yaml").read_text())["site"]
OVERLAY = {
    "seed": 3,
    "grpo": {"math": {"steps": 5, "optimizer": {"learning_rate": 1e-4, "betas": [0.9, 0.95]}}},
    "data": {"math_normal": {"size": 10, "source": {"tasks": {"sum": 1}}}},
    "evaluation": {"benchmarks": ["mmmu_val"], "items": 4},
    "layout": {"grpo": {"gpus": 2}},
}
MANIFEST = {
    "kind": "grpo", "name": "rl", "hash": "0123456789", "created": "2026-01-01T00:00:00+00:00",
    "files": {"checkpoints/step-000001/model.safetensors": "0" * 64}, "seed": 1, "inputs": {},
    "facts": {"last": "checkpoints/step-000001", "checkpoints": []}, "environment": {},
}  # fmt: skip


@pytest.fixture(scope="module")
def folder():
    with tempfile.TemporaryDirectory() as made:
        yield Path(made)


@fuzz
@given(content=changed(OVERLAY))
def test_any_overlay_is_a_recipe_or_told_by_file(folder, content):
    overlay = folder / "overlay.yaml"
    overlay.write_text(yaml.safe_dump(content, allow_unicode=False))
    try:
        load_recipe(ROOT / "config" / "recipes", "tiny", overlay)
    except RecipeError as error:
        assert error.lines
        assert all(".yaml" in line for line in error.lines)


@fuzz
@given(content=changed(SITE))
def test_any_site_is_a_site_or_told_by_file(content):
    try:
        read_site(content)
    except RecipeError as error:
        assert all("site.yaml" in line for line in error.lines)


@fuzz
@given(content=changed(MANIFEST) | JSON, cut=st.integers(0, 300), whole=st.booleans())
def test_any_manifest_is_read_or_told_with_what_to_do(folder, content, cut, whole):
    path = folder / "manifest.json"
    path.write_text(json.dumps(content)[: None if whole else cut])
    try:
        found = read_manifest(path)
    except ValueError as error:
        assert "manifest.json" in str(error)
        assert "delete" in str(error)
    else:
        assert all(len(digest) == 64 for digest in found["files"].values())


@fuzz
@given(
    content=changed({"kind": "grpo", "name": "rl", "hash": "0", "document": {"seed": 1}}) | JSON,
    fits=st.booleans(),
)
def test_any_config_of_a_stage_is_read_or_told_with_what_to_do(folder, content, fits):
    path = folder / "config.json"
    if fits:  # past the hash, so that the settings themselves are read
        with contextlib.suppress(ValueError, LookupError, TypeError, RecursionError):
            content["hash"] = hash_of(content["kind"], content["document"])
    path.write_text(json.dumps(content))
    for read in (check_config, lambda path: read_config(path, GrpoConfig)):
        try:
            read(path)
        except ValueError as error:
            assert "config.json" in str(error)
            assert "delete" in str(error)
