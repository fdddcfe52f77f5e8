"""Rules and scripts belong together."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
RULE_FILES = sorted((ROOT / "workflow" / "rules").glob("*.smk"))
SCRIPTS = sorted((ROOT / "workflow" / "scripts").glob("*.py"))
# Called by workflow/demo.sh, not by a rule.
AROUND = {"show.py"}


def rules() -> dict[str, str]:
    """Return the text of every rule by its name."""
    found = {}
    for file in RULE_FILES:
        for part in re.split(r"^rule ", file.read_text(), flags=re.M)[1:]:
            name, _, body = part.partition(":\n")
            found[name] = body
    return found


CALLS = {
    name: match.groups()
    for name, body in rules().items()
    if (match := re.search(r"workflow/scripts/(\w+\.py)(.*?)\"\"\"", body, re.S))
}


def test_every_stage_has_its_rule():
    assert {"prepare", "reject", "model", "sft", "grpo", "probe", "select_checkpoint"} <= set(
        rules()
    )
    assert {"benchmark", "evaluate", "score", "summary", "report", "publish", "link"} <= set(
        rules()
    )


def test_every_script_is_called_by_one_rule():
    called = [script for script, _ in CALLS.values()]
    assert sorted(called) == sorted({path.name for path in SCRIPTS} - AROUND)


@pytest.mark.parametrize("name", CALLS)
def test_a_rule_gives_its_script_the_options_that_it_has(name):
    script, options = CALLS[name]
    text = (ROOT / "workflow" / "scripts" / script).read_text()
    known = set(re.findall(r"add_argument\(\s*\"(--[\w-]+)\"", text))
    required = set(re.findall(r"add_argument\(\s*\"(--[\w-]+)\"[^)]*required=True", text))
    given = set(re.findall(r"(--[\w-]+)", options))
    assert required <= given <= known


@pytest.mark.parametrize("path", SCRIPTS, ids=lambda path: path.name)
def test_a_script_is_short_and_says_how_to_launch_it(path):
    text = path.read_text()
    assert len(text.splitlines()) <= 60
    assert f"python workflow/scripts/{path.name}" in text.split('"""')[1]


@pytest.mark.parametrize("name", rules())
def test_a_rule_says_what_it_does_and_writes_a_log(name):
    body = rules()[name]
    assert body.lstrip().startswith('"""')
    if "shell:" not in body:  # a target, which runs nothing
        assert "localrule: True" in body
        return
    assert "log:" in body
    assert "conda:" in body
    assert not re.search(r"^    (run|script):", body, re.M)


def test_a_training_rule_declares_its_manifest_and_nothing_else():
    for name in ("model", "sft", "grpo"):
        output = re.search(r"    output:\n(.*?)    log:", rules()[name], re.S)[1]
        assert output.split() == ['manifest="results/runs/{run}/manifest.json",']


def test_the_snakefile_is_short():
    assert len((ROOT / "Snakefile").read_text().splitlines()) < 40


def test_the_log_of_an_attempt_outlives_the_next():
    """Check log.txt, which is not declared, because Snakemake deletes declared logs at a new attempt."""
    kept = 0
    for name, body in rules().items():
        declared = body.partition("log:\n")[2].partition("\n")[0]
        assert "log.txt" not in declared, name
        if "/.attempt.log" in declared:
            assert 'tee -a {log:q} "$(dirname {log:q})/log.txt")' in body, name
            kept += 1
    assert kept >= 9
