"""docs/errors.md says what the code says."""

import runpy
from pathlib import Path

ROOT = Path(__file__).parents[2]
MADE = runpy.run_path(str(ROOT / "docs" / "error_list.py"))
# A message may be reworded before the page is written again; more than these, and the page is old.
SOME = 40


def test_the_page_is_made_from_the_code():
    page = (ROOT / "docs" / "errors.md").read_text().splitlines()
    code = MADE["error_list"]().splitlines()
    head = code.index("## In analyze")
    assert page[:head] == code[:head]
    differ = {*page} ^ {*code}
    assert len(differ) <= SOME, f"run `python docs/error_list.py`: {sorted(differ)[:5]}"


def test_every_message_of_a_module_is_read():
    found = list(MADE["messages"](ROOT / "workflow/r1v3/recipe/outputs/manifest.py"))
    assert "<path>: cut or damaged (<error>); <remedy>" in found
    assert "<path>: damaged; no sha256 of <name>; <remedy>" in found


def test_each_error_of_the_machine_says_what_to_do():
    rows = list(MADE["of_machine"]())
    assert len(rows) >= 6
    assert all("; " in row for row in rows)
