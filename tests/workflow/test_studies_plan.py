"""Studies in dry runs: one branch alone, a new entry, a changed ancestor, seeds, one study."""

import os
import shutil
import time

import pytest
import yaml
from pretended import finished_core, pretend

pytestmark = pytest.mark.slow
STUDIES = "studies"


def jobs(workflow, *targets, force=()) -> dict[str, set[str]]:
    """Return the outputs of every planned job, by rule."""
    text = workflow.snakemake("-n", *force, "--quiet", "host", "--", *targets).stdout
    found: dict[str, set[str]] = {}
    rule = None
    for line in text.splitlines():
        if line.startswith(("rule ", "localrule ")):
            rule = line.split()[1].rstrip(":")
        elif line.startswith("    output:"):
            found.setdefault(rule, set()).update(
                name.strip() for name in line.partition(":")[2].split(",")
            )
    return found


def trained(found: dict[str, set[str]]) -> set[str]:
    """Return the names of the runs that would be trained."""
    outputs = found.get("grpo", set()) | found.get("sft", set()) | found.get("model", set())
    return {output.split("/")[2].rpartition("-")[0] for output in outputs}


def finish(workflow, *targets) -> None:
    """Write fake results for everything that these targets need."""
    found = jobs(workflow, *targets, force=["--forceall"])
    made = {output for outputs in found.values() for output in outputs}
    pretend(workflow, made - {""})


@pytest.fixture(scope="module")
def finished(make_workflow, tmp_path_factory):
    """Make a checkout in which the core path and every study are finished."""
    made = make_workflow(tmp_path_factory.mktemp("finished"))
    finish(made, "all", STUDIES)
    assert made.planned(STUDIES) == {}
    return made


@pytest.fixture
def done(finished, make_workflow, tmp_path):
    """Make a copy of the finished checkout that a test may change."""
    copied = make_workflow(tmp_path)
    shutil.copytree(finished.folder, tmp_path, dirs_exist_ok=True)
    return copied


def test_studies_train_every_run_of_the_table_once_and_nothing_twice(workflow):
    table = yaml.safe_load((workflow.folder / "config/runs.yaml").read_text())
    found = jobs(workflow, STUDIES)
    alone = {
        "rl_lora"
    }  # `r1v3 ablate rl_lora` trains it; no sentence of the report is about adapters
    assert trained(found) == set(table) - alone
    plan = workflow.planned(STUDIES)
    assert plan["grpo"] + plan["sft"] + plan["model"] == len(table) - len(alone)
    assert plan["study"] == len(
        yaml.safe_load((workflow.folder / "config/studies.yaml").read_text())
    )


def test_three_seeds_train_each_branch_three_times_and_share_the_cold_start(workflow):
    one, three = workflow.planned(STUDIES), workflow.planned(STUDIES, "--config", "seeds=3")
    assert three["grpo"] == 3 * one["grpo"]
    assert three["sft"] == 3 * (one["sft"] - 1) + 1
    assert three["model"] == one["model"]
    assert three["study"] == one["study"]


def test_a_changed_number_of_one_branch_plans_that_branch_and_the_studies_that_show_it(done):
    done.edit("runs.yaml", lambda t: t["rl_frozen_connector"]["set"].update(clip_low=0.1))
    found = jobs(done, STUDIES)
    assert trained(found) == {"rl_frozen_connector"}
    assert {name.split("/")[-1] for name in found["study"]} == {
        f"{study}.{kind}" for study in ("freeze", "entropy") for kind in ("html", "json")
    }
    assert all("rl_frozen_connector" in name for name in found["evaluate"] | found["score"])


def test_a_new_entry_plans_exactly_its_own_jobs(done):
    done.edit("runs.yaml", lambda t: t.update(mine={"like": "rl_minibatches", "set": {"kl": 0.01}}))
    assert done.planned(STUDIES) == {}
    assert done.planned("results/runs/mine.json") == {"config": 1, "grpo": 1, "link": 1}


def test_a_changed_ancestor_plans_its_descendants_only(done):
    done.edit("recipes/tiny.yaml", lambda r: r["data"]["probe"].update(size=150))
    after = {"final", "final_all", "final_connector_llm", "final_matched", "final_all_matched"}
    assert trained(jobs(done, STUDIES)) == after | {"final_connector_llm_matched", "sft_math"}


def test_one_study_asks_for_its_own_runs(workflow):
    pretend(workflow, finished_core(workflow))
    found = jobs(workflow, "results/studies/freeze.html")
    assert trained(found) == {
        "rl_frozen_connector",
        "rl_removed_connector",
        "rl_frozen_vision_tower",
    }
    assert {name.split("/")[-1] for name in found["study"]} == {"freeze.html", "freeze.json"}


def test_the_report_s_claims_need_no_branch_that_asks_a_question_of_our_own(workflow):
    pretend(workflow, finished_core(workflow))
    found = jobs(workflow, "results/summary.html")
    assert {"rl_hard", "rl_clip_higher", "sft_math"} < trained(found)
    assert not {"rl_gspo", "rl_staged", "rl_kl_cov", "rl_vppo"} & trained(found)
    assert len(found["grpo"]) < 0.6 * workflow.planned(STUDIES)["grpo"]


def test_a_changed_claim_trains_and_asks_nothing(done):
    done.edit("claims.yaml", lambda claims: claims["nothink_is_worse"].update(least=0.05))
    assert set(done.planned(STUDIES)) == {"study", "claims", "summary_page", "studies"}


def test_the_report_is_made_again_once_a_study_is_there(workflow):
    pretend(workflow, finished_core(workflow))
    assert workflow.planned() == {}
    finish(workflow, "results/studies/freeze.html")
    path = workflow.folder / "results/studies/freeze.json"
    path.write_text('{"new": 1}')
    os.utime(path, (time.time(), time.time()))
    assert workflow.planned()["report"] == 1


def test_seeds_that_are_no_number_are_told(workflow):
    told = workflow.snakemake("-n", STUDIES, "--config", "seeds=many", check=False)
    assert told.returncode == 1
    assert "--config seeds: a number from 1 to 1000 is expected, not 'many'" in told.stdout
