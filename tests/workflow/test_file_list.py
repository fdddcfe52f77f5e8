"""The list of files in the documentation is that of the repository."""

import runpy
import shutil
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


@pytest.mark.skipif(
    not shutil.which("git") or not (ROOT / ".git").exists(), reason="needs git's list"
)
def test_every_file_is_listed_with_its_purpose():
    made = runpy.run_path(str(ROOT / "docs" / "file_list.py"))["file_list"](ROOT)
    written = (ROOT / "docs" / "files.md").read_text()
    assert made == written, "`make files` brings docs/files.md up to date"


def test_every_module_says_what_it_is_for():
    purpose = runpy.run_path(str(ROOT / "docs" / "file_list.py"))["purpose"]
    silent = [
        str(path.relative_to(ROOT))
        for path in sorted((ROOT / "workflow").rglob("*.py"))
        if path.name != "__init__.py" and not purpose(path)
    ]
    assert silent == []
