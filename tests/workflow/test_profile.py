"""The rules request from Slurm what the recipe's layout and the site say."""

import re
from pathlib import Path

import pytest
import yaml

from r1v3.cluster.resources import machines, prefix
from r1v3.recipe.errors import RecipeError
from r1v3.recipe.load import load_project
from r1v3.recipe.site import load_site, read_site

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def paper():
    return load_project(ROOT, "paper").recipe.layout


def test_a_stage_on_one_node_asks_for_its_gpus_and_their_share_of_the_node(paper):
    site = load_site(ROOT)
    asked = machines("probe", paper, site)
    assert (asked["gpu"], asked["cpus_per_gpu"]) == (8, site.gpus.cpus_each)
    assert asked["mem_mb"](None, 1) == 8 * 1000 * site.gpus.node_memory_gb_each
    assert "mpi" not in asked


def test_a_stage_on_several_nodes_leaves_the_other_nodes_to_our_launcher(paper):
    asked = machines("sft", paper, load_site(ROOT))
    assert (asked["mpi"], asked["nodes"], asked["tasks"]) == ("srun", 4, 4)
    assert asked["slurm_extra"] == "--gpus-per-node=8 --ntasks-per-node=1"
    assert "gpu" not in asked  # with `tasks` the plugin would multiply the two
    assert "--processes 8" in asked["launcher"]


def test_memory_and_time_grow_with_each_attempt_up_to_what_the_site_has():
    tiny, site = load_project(ROOT, "tiny").recipe.layout, load_site(ROOT)
    asked = machines("sft", tiny, site)
    assert [asked["mem_mb"](None, attempt) for attempt in (1, 2)] == [16_000, 32_000]
    assert [asked["runtime"](None, attempt) for attempt in (1, 3)] == [60, 180]
    assert asked["runtime"](None, 1000) == 60 * site.max_hours


def test_without_a_site_training_takes_two_processes_of_this_machine(paper):
    assert machines("sft", paper, None) == {
        "launcher": "python -m r1v3.cluster.launch --processes 2"
    }
    assert machines("evaluate", paper, None) == {"launcher": "python"}


def test_more_gpus_than_a_node_has_are_told(paper):
    content = yaml.safe_load((ROOT / "slurm/site.yaml").read_text())["site"]
    content["gpus"]["per_node"] = 4
    with pytest.raises(RecipeError, match=r"8 GPUs a node, but slurm.site.yaml's nodes have 4"):
        machines("sft", paper, read_site(content))


def test_a_mistake_in_the_site_is_told_in_a_line():
    with pytest.raises(RecipeError, match=re.escape("slurm/site.yaml: site: ")):
        read_site({"acount": "lab"})


def test_the_site_reaches_every_shell():
    content = yaml.safe_load((ROOT / "slurm/site.yaml").read_text())["site"]
    content |= {"setup": "module load {cuda}", "environment": {"NCCL_SOCKET_IFNAME": "ib 0"}}
    text = prefix(read_site(content)).format()
    assert "export NCCL_SOCKET_IFNAME='ib 0'; module load {cuda}; " in text
