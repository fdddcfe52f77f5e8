"""With vLLM, RL and every evaluation wait for the parity check; other engines have none."""

import pytest

pytestmark = pytest.mark.slow


def test_the_gate_comes_before_rl_and_evaluation_where_vllm_answers(workflow):
    assert "parity" not in workflow.planned()
    workflow.edit("recipes/tiny.yaml", lambda r: r["generation"].update(engine="vllm"))
    plan = workflow.planned()
    # Cold start for RL; base, cold start, RL and final model for evaluation.
    assert plan["parity"] == 4
    assert workflow.planned("results/runs/rl.json")["parity"] == 1
    text = workflow.snakemake("-n", "results/runs/rl.json", "--quiet", "host").stdout
    assert "within-0.001-nats-over-64-tokens.json" in text


def test_another_limit_asks_for_the_gate_again_and_for_nothing_else(workflow):
    def with_vllm(recipe, limit):
        recipe["generation"].update(engine="vllm", parity={"max_gap": limit})

    workflow.edit("recipes/tiny.yaml", lambda r: with_vllm(r, 0.5))
    first = workflow.snakemake("-n", "--quiet", "host").stdout
    workflow.edit("recipes/tiny.yaml", lambda r: with_vllm(r, 0.25))
    second = workflow.snakemake("-n", "--quiet", "host").stdout

    def outputs(text):
        return {line for line in text.splitlines() if line.strip().startswith("output:")}

    assert len(outputs(first) - outputs(second)) == 4
    assert all("within-0.5" in line for line in outputs(first) - outputs(second))
