"""What is said of a target that no rule makes."""

import logging

from r1v3.recipe.snakemake_targets import NearTargets, near

SAID = "No rule to produce {} (if you use input functions make sure that they don't raise)."


class Rule:
    """As much of a rule of Snakemake's as is asked for; constraints stand in its outputs."""

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
