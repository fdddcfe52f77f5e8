"""An engine on every node: each answers its node's prompts, and all ranks learn what one process learns."""

import json
from pathlib import Path
from types import SimpleNamespace

import pytest
from data_fixtures import source_config
from grpo_fixtures import GRPO, grpo_run, learner
from launched import run_ranks
from model_fixtures import small_model, small_processor
from training_fixtures import SOURCE, assert_same_course

from r1v3.data.prepare import prepare
from r1v3.generate.types import Response, Sampling
from r1v3.generate.vllm.start import arguments
from r1v3.model.groups import GROUPS, group_hashes, grouped_parameters
from r1v3.model.load import save_checkpoint
from r1v3.reward import Verdict, format_reward
from r1v3.train.core.ranks import Ranks
from r1v3.train.grpo.sampling import rollouts, sampler
from r1v3.train.grpo.sampling.sampler import BesideTrainer


def test_teams_share_a_list_in_order_and_only_their_first_processes_get_any():
    ranks = [Ranks(n, 4, 2) for n in range(4)]
    assert [r.leads for r in ranks] == [True, False, True, False]
    shares = [r.share_of_team(list("abcde"), 2) for r in ranks]
    assert shares == [["a", "b"], [], ["c", "d", "e"], []]
    assert [r.share_of_team(list("abcd"), 1) for r in ranks] == [["a"], ["b"], ["c"], ["d"]]
    assert Ranks(0, 1).share_of_team([1, 2], 1) == [1, 2]


@pytest.mark.parametrize(
    ("shares", "gpus", "first"),
    [("4", 8, [0, 4]), ("1", 8, [0, 1, 2, 3, 4, 5, 6, 7]), ("8", 8, [0]), (None, 8, [0])],
)
def test_every_gpu_of_a_node_samples(shares, gpus, first, monkeypatch, tmp_path):
    (tmp_path / "config.json").write_text("{}")
    monkeypatch.delenv("R1V3_VLLM_TENSOR_PARALLEL", raising=False)
    if shares:
        monkeypatch.setenv("R1V3_VLLM_TENSOR_PARALLEL", shares)
    node = [Ranks(8 + n, 16, 8, n) for n in range(8)]  # the second of two
    team = sampler.team_size(node[0], gpus)
    opened = [rank.gpu for rank in node if rank.leads_team(team)]
    assert opened == first
    used = []
    for gpu in opened:
        chosen = arguments(tmp_path, rows=8, accelerators=gpus, first_gpu=gpu)
        size = chosen["tensor_parallel_size"]
        used += chosen.get("device_ids", range(size))  # vLLM's own choice begins with the first
        assert len(chosen.get("device_ids", range(size))) == size
    assert used == list(range(gpus))
    prompts = list(range(40))
    asked = [rank.share_of_team(prompts, team) for rank in [Ranks(n, 16, 8) for n in range(16)]]
    assert [prompt for part in asked for prompt in part] == prompts


def test_a_node_that_cannot_be_divided_among_engines_is_told(monkeypatch):
    monkeypatch.setenv("R1V3_VLLM_TENSOR_PARALLEL", "3")
    with pytest.raises(ValueError, match="must divide the 8 processes of a node, not be 3"):
        sampler.team_size(Ranks(0, 8, 8), 8)
    assert sampler.team_size(Ranks(0, 8, 4), 0) == 4  # no accelerators: one engine a node


class Asked:
    """An engine that records the order of its requests."""

    def __init__(self, depends_on_batch):
        self.depends_on_batch, self.order = depends_on_batch, []

    def generate_batch(self, requests, encoded, sampling):
        self.order = [len(each.prompt_ids) for each in encoded]
        yield [Response(r.key, 0, "1", (1,), (0.0,), "stop", 1) for r in requests]


@pytest.mark.parametrize(("depends", "order"), [(False, [9, 5, 2]), (True, [5, 2, 9])])
def test_the_longest_prompts_are_asked_first_where_the_order_changes_no_answer(depends, order):
    prompts = [
        SimpleNamespace(
            record=SimpleNamespace(
                id=str(n), question="?", options=None, answer="1", answer_type="x"
            ),
            text="?",
            pictures=(),
            encoded=SimpleNamespace(prompt_ids=(1,) * n),
        )
        for n in (5, 2, 9)
    ]
    engine = Asked(depends)
    grader = SimpleNamespace(
        grade_many=lambda rows: [Verdict("1", True, "rule:x", "") for _ in rows]
    )
    weights = SimpleNamespace(accuracy_weight=1.0, format_weight=0.0)
    episode = rollouts.run_episode(
        engine,
        prompts,
        Sampling(1.0, 1.0, 4, 1),
        rollouts.Scoring(grader, weights, "slow"),
        seed="0",
    )
    assert engine.order == order
    assert [response.key for response in episode.responses] == ["5", "2", "9"]


def test_an_update_gathers_and_hashes_the_connector_alone_to_compare_it():
    policy, model, gathered = learner(), small_model(), []
    policy.hashes = lambda groups=tuple(GROUPS): group_hashes(
        model,
        groups=groups,
        gather=lambda stored: gathered.append(stored.parts[0]) or stored.merge(),
    )
    BesideTrainer(None, Ranks(0, 1), 1).sync_weights(policy)
    connector = [parameter for _, parameter in grouped_parameters(model)["connector"]]
    assert {id(p) for p in gathered} == {id(p) for p in connector}
    assert learner().hashes(("connector",)) == {"connector": group_hashes(model)["connector"]}


@pytest.fixture(scope="module")
def alone(tmp_path_factory):
    """Make a folder with a start, data, and the run on one process."""
    folder = tmp_path_factory.mktemp("alone")
    save_checkpoint(small_model(), small_processor(), folder / "start")
    prepare(source_config(SOURCE, 13, name="set"), folder / "data")
    grpo_run(folder / "run", folder / "start", folder / "data")
    rollouts.format_reward = format_reward
    return folder


@pytest.mark.slow
@pytest.mark.parametrize(("per_node", "engines"), [(1, [1, 1]), (2, [1, 0])])
def test_two_nodes_with_an_engine_each_learn_what_one_process_learns(
    per_node, engines, alone, tmp_path
):
    script = Path(__file__).with_name("nodes_beside.py")
    run_ranks(script, 2, alone / "start", alone / "data", tmp_path / "run", per_node=per_node)
    asked = [json.loads((tmp_path / "run" / f"asked-{n}.json").read_text()) for n in range(2)]
    assert [len(counts) for counts in asked] == engines
    assert all(count > 0 for counts in asked for count in counts)
    assert sum(sum(counts) for counts in asked) == GRPO["steps"] * GRPO["prompts_per_step"]
    assert_same_course(alone / "run", tmp_path / "run")


@pytest.mark.slow
@pytest.mark.parametrize("engine", ["ranks", "deepspeed"])
def test_all_ranks_help_to_bring_the_weights_to_the_engine(engine):
    if engine == "deepspeed":
        pytest.importorskip("deepspeed")
    run_ranks(Path(__file__).with_name("sharing_ranks.py"), 2, engine)
