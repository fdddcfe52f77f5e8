"""The benchmark's verdict, on figures made up for it."""

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
