"""docs/errors.md has the same messages as the code."""

import runpy
from pathlib import Path

ROOT = Path(__file__).parents[2]
MADE = runpy.run_path(str(ROOT / "docs" / "error_list.py"))


def test_the_page_is_made_from_the_code():
    page, code = (ROOT / "docs" / "errors.md").read_text(), MADE["error_list"]()
    assert page == code, "run `python docs/error_list.py`"


def test_every_message_of_a_module_is_read():
    found = list(MADE["messages"](ROOT / "workflow/r1v3/recipe/outputs/manifest.py"))
    assert "<path>: edited, cut or damaged; it does not fit its own seal; <remedy>" in found
    assert "<path>: damaged; no sha256 of <name>; <remedy>" in found


def test_each_error_of_the_machine_says_what_to_do():
    rows = list(MADE["of_machine"]())
    assert len(rows) >= 6
    assert all("; " in row for row in rows)
