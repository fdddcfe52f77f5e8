"""An engine on every node: each answers its node's prompts, and all learn what one process learns."""

import json
from pathlib import Path

import pytest
from data_fixtures import source_config
from grpo_fixtures import GRPO, grpo_run, learner
from launched import run_ranks
from model_fixtures import small_model, small_processor
from training_fixtures import SOURCE, assert_same_course

from r1v3.data.prepare import prepare
from r1v3.model.groups import GROUPS, group_hashes, grouped_parameters
from r1v3.model.load import save_checkpoint
from r1v3.reward import format_reward
from r1v3.train.core.ranks import Ranks
from r1v3.train.grpo.sampling import rollouts
from r1v3.train.grpo.sampling.sampler import BesideTrainer


def test_nodes_share_a_list_in_order_and_only_their_first_processes_get_any():
    ranks = [Ranks(n, 4, 2) for n in range(4)]
    assert [r.leads for r in ranks] == [True, False, True, False]
    assert [r.share_of_node(list("abcde")) for r in ranks] == [["a", "b"], [], ["c", "d", "e"], []]
    assert Ranks(0, 1).share_of_node([1, 2]) == [1, 2]
    assert [Ranks(n, 2).share_of_node([1, 2]) for n in range(2)] == [[1, 2], []]


def test_an_update_gathers_and_hashes_the_connector_alone_to_compare_it():
    policy, model, gathered = learner(), small_model(), []
    policy.hashes = lambda groups=tuple(GROUPS): group_hashes(
        model,
        groups=groups,
        whole=lambda stored: gathered.append(stored.parts[0]) or stored.merge(),
    )
    BesideTrainer(None, Ranks(0, 1)).sync_weights(policy)
    connector = [parameter for _, parameter in grouped_parameters(model)["connector"]]
    assert {id(p) for p in gathered} == {id(p) for p in connector}
    assert learner().hashes(("connector",)) == {"connector": group_hashes(model)["connector"]}


@pytest.fixture(scope="module")
def alone(tmp_path_factory):
    """A folder with a start, data, and the run on one process."""
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
