"""The verdict of the speed measurement, on made-up figures."""

import runpy
from pathlib import Path

import pytest

PATH = Path(__file__).parents[3] / "perf" / "train.py"


@pytest.fixture(scope="module")
def bench():
    return runpy.run_path(str(PATH))


def side(speed, memory, losses=(2.0, 1.0), mfu=0.5):
    return {"tokens_per_second": speed, "peak_mib": memory, "losses": list(losses), "mfu": mfu}


def test_the_first_step_does_not_count_and_the_middle_repeat_does(bench):
    def run(seconds):
        return {
            "tokens": [100, 10, 30],
            "seconds": [99.0, *seconds],
            "mfu": [0.0, 0.4, 0.6],
            "waiting": [],
            "peak": 2**30,
            "before": 2**20,
            "losses": [1.0],
        }

    found = bench["summary"]([run([1, 3]), run([1, 1]), run([5, 5])])
    assert found["tokens_per_second"] == 10.0  # of 10, 20 and 4
    assert (found["mfu"], found["peak_mib"], found["before_mib"]) == (0.5, 1024, 1)


@pytest.mark.parametrize(
    ("peer", "missed"),
    [
        (side(50, 200), None),
        (side(101, 200), "faster_than_trl"),
        (side(50, 99), "smaller_than_trl"),
        (side(50, 200, losses=(2.0, 1.1)), "losses_as_trl"),
    ],
)
def test_every_aim_is_judged_by_itself(bench, peer, missed):
    sides = {
        "ours": side(100, 100),
        "transformers": side(50, 200),
        "trl": peer,
        "ours, connector": side(150, 60),
    }
    result = bench["judge"]("50M", sides, is_h200=False)
    assert [aim for aim, met in result["aims"].items() if not met] == ([missed] if missed else [])
    assert (result["speed_over_transformers"], result["memory_of_transformers"]) == (2.0, 2.0)


def test_the_share_of_the_peak_is_asked_for_on_that_gpu_alone(bench):
    sides = {"ours": side(100, 100, mfu=0.44), "ours, connector": side(150, 60)}
    assert "mfu" not in bench["judge"]("2B", sides, is_h200=False)["aims"]
    assert bench["judge"]("2B", sides, is_h200=True)["aims"]["mfu"] is False
    assert "mfu" not in bench["judge"]("1B", sides, is_h200=True)["aims"]


def test_a_trainer_that_did_not_run_is_not_ahead(bench):
    assert bench["judge"]("50M", {"trl": side(1, 1)}, is_h200=False)["aims"] == {"ours_ran": False}


def test_a_share_of_the_peak_above_one_is_refused_and_nothing_is_ahead(bench):
    run = {
        "tokens": [1, 10], "seconds": [1.0, 1.0], "mfu": [0.0, 2.1], "waiting": [],
        "peak": 2**30, "before": 2**20, "losses": [1.0],
    }  # fmt: skip
    ours = bench["summary"]([run])
    assert ours["mfu"] is None
    assert bench["share"](None) == "refused"
    assert bench["share"](0.5) == "50.0%"
    result = bench["judge"]("50M", {"ours": ours, "ours, connector": side(150, 60)}, is_h200=False)
    assert result["aims"]["possible"] is False


def test_ratios_are_those_of_neighbours_in_time(bench):
    # the machine was twice as slow in the last two repeats: each repeat says 2, their medians say 4
    ours = side(100, 100) | {"rates": [200.0, 100.0, 100.0]}
    peer = side(25, 200) | {"rates": [100.0, 50.0, 50.0]}
    sides = {"ours": ours, "trl": peer, "ours, connector": side(150, 60)}
    assert bench["judge"]("50M", sides, is_h200=False)["speed_over_trl"] == 2.0


def test_how_busy_the_machine_is_stands_beside_the_figures():
    machine = runpy.run_path(str(PATH.with_name("machine.py")))
    machine["busy"].__globals__["os"] = type(
        "Os",
        (),
        {"getloadavg": lambda: (3.0, 0, 0), "sched_getaffinity": lambda _: {0, 1}},
    )
    assert machine["busy"]() == 1.5
    assert machine["told_busy"]().startswith("1.50 processes a core on 2 cores")
    assert "it is busy" in machine["told_busy"]()


def test_grpos_figures_are_held_to_the_same():
    grpo = runpy.run_path(str(PATH.with_name("grpo.py")))
    run = {"tokens": [1, 4], "seconds": [9.0, 2.0], "mfu": [0.0, 1.2], "peak": 2**30}
    run |= {phase: [1.0, 1.0] for phase in grpo["PHASES"]}
    found = grpo["summary"]([run])
    assert (found["update_mfu"], found["step_rates"]) == (None, [0.5])
    assert grpo["judge"]("tiny", {"ours": found}, is_h200=False)["aims"]["possible"] is False
