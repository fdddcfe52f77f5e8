"""Times of files that would mislead Snakemake are corrected."""

import logging
import os
import time

import pytest

from r1v3.provenance.times import end_future_times


@pytest.fixture
def tree(tmp_path):
    """Return a function that writes a file whose time is some seconds from now."""

    def write(name: str, seconds: float):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("{}")
        os.utime(path, (time.time() + seconds,) * 2)
        return path

    return write


def test_files_from_the_future_get_the_present_time_and_one_line_says_so(tree, tmp_path, caplog):
    ahead = [
        tree("results/data/a-0123456789/manifest.json", 86_400),
        tree("config/studies.yaml", 60),
    ]
    past = tree("results/runs/b-0123456789/manifest.json", -86_400)
    before = past.stat().st_mtime_ns
    logger = logging.getLogger("snakemake-of-a-test")
    assert end_future_times(tmp_path, logger) == 2
    assert all(path.stat().st_mtime <= time.time() for path in ahead)
    assert past.stat().st_mtime_ns == before
    assert len(caplog.records) == 1
    assert "manifest.json by 24.0 hours" in caplog.text
    assert end_future_times(tmp_path, logger) == 0
    assert len(caplog.records) == 1


def test_pictures_and_checkpoints_are_not_looked_through(tree, tmp_path):
    for name in ("data/a/images/00/x.png", "runs/b/checkpoints/step-000001/model.safetensors"):
        tree(f"results/{name}", 86_400)
    assert end_future_times(tmp_path, logging.getLogger()) == 0


def test_a_checkout_without_results_is_none_the_worse(tmp_path):
    assert end_future_times(tmp_path, logging.getLogger()) == 0
