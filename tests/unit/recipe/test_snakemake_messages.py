"""Messages about a target that no rule makes, and about errors of the disk."""

import errno
import logging
import os

import pytest

from r1v3.recipe.locks import why_locked
from r1v3.recipe.snakemake_messages import DiskErrors, Locked, NearTargets, near

SAID = "No rule to produce {} (if you use input functions make sure that they don't raise)."


class Rule:
    """The parts of a Snakemake rule that our code reads; its outputs have the constraints."""

    def __init__(self, name, *products):
        self.name, self._products = name, products

    def products(self):
        return self._products


class Workflow:
    rules = (
        Rule("studies"),
        Rule("report", "results/report.html"),
        Rule("link", "results/runs/{name,rl|rl_hard}.json"),
        Rule("grpo", "results/runs/{run,[a-z]+-[0-9a-f]{10}}/manifest.json"),
    )


def said_of(target):
    record = logging.makeLogRecord({"msg": SAID.format(target)})
    assert NearTargets(Workflow).filter(record)
    return record.getMessage()


def test_a_run_a_page_and_a_rule_have_their_nearest_names():
    assert said_of("results/runs/rl_hrd.json") == (
        "nothing makes 'results/runs/rl_hrd.json'; did you mean 'results/runs/rl_hard.json' or"
        " 'results/runs/rl.json'?"
    )
    assert "did you mean 'results/report.html'" in said_of("result/report.html")
    assert "did you mean 'studies'?" in said_of("studis")


def test_what_is_near_nothing_says_what_is_expected():
    assert near("quite/else", ["studies"]).startswith("; a rule, or a file below results/")


def test_another_message_is_left_alone():
    record = logging.makeLogRecord({"msg": "%s jobs", "args": (3,)})
    assert NearTargets(Workflow).filter(record)
    assert record.getMessage() == "3 jobs"


def record(level, text="Traceback of Snakemake: 100%s"):
    return logging.LogRecord("snakemake", level, __file__, 1, text, ("%",), None)


def filtered(error, level=logging.ERROR):
    """Return what Snakemake prints when it logs an error that it handles."""
    made = record(level)
    try:
        raise error
    except type(error):
        assert DiskErrors().filter(made)
    return made.getMessage()


@pytest.mark.parametrize(
    ("number", "remedy"),
    [
        (errno.EROFS, "have it mounted for writing"),
        (errno.EACCES, "have its owner allow it"),
        (errno.ENOSPC, "make room"),
    ],
)
def test_what_the_disk_refuses_is_one_sentence_with_place_and_remedy(number, remedy):
    said = filtered(OSError(number, os.strerror(number), "results/data/a.txt"))
    assert said.startswith("results/data/a.txt: ")
    assert remedy in said
    assert "\n" not in said


def test_other_errors_and_lesser_messages_stay_as_they_are():
    plain = record(logging.ERROR).getMessage()
    assert filtered(ValueError("no disk")) == plain
    assert filtered(OSError("an error without a number")) == plain
    assert filtered(OSError(errno.EROFS, "read-only"), level=logging.DEBUG) == plain
    made = record(logging.ERROR)
    assert DiskErrors().filter(made)
    assert made.getMessage() == plain


def test_a_lock_is_told_with_whose_it_is(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    made = record(logging.ERROR, "LockException:\nError: Directory cannot be locked. Please make%s")
    assert Locked().filter(made)
    assert made.getMessage() == why_locked(tmp_path)
    other = record(logging.ERROR)
    assert Locked().filter(other)
    assert other.getMessage().startswith("Traceback")
