"""Snakemake's own errors of the file system, through the filter that words them."""

import errno
import logging
import os

import pytest

from r1v3.recipe.snakemake_disk import DiskErrors


def record(level, text="Traceback of Snakemake: 100%s"):
    return logging.LogRecord("snakemake", level, __file__, 1, text, ("%",), None)


def filtered(error, level=logging.ERROR):
    """What the screen says where Snakemake logs an error while it is handled."""
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
