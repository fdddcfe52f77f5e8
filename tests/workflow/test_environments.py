"""The pinned environments agree."""

import re
from pathlib import Path

ENVS = Path(__file__).parents[2] / "envs"
# The versions that go together, as they were tried.
BOTH = {
    "torch": "2.13.0",
    "transformers": "5.19.0",
    "deepspeed": "0.19.8",
    "mlflow": "3.17.2",
    "math-verify": "0.9.0",
}
CPU = BOTH | {
    "snakemake": "9.27.1",
    "snakemake-executor-plugin-slurm": "2.8.0",
    "dvc": "3.67.1",
}
GPU = BOTH | {"vllm": "0.32.0", "torchvision": "0.28.0"}


def pins(name: str) -> dict[str, str]:
    found = re.findall(r"^[\s-]*([\w.-]+)==([\w.+]+)$", (ENVS / name).read_text(), re.M)
    return {re.sub(r"[-_.]+", "-", package.lower()): version for package, version in found}


def test_every_line_of_a_lock_is_an_exact_pin():
    for path in ENVS.glob("*.lock.txt"):
        lines = [line for line in path.read_text().splitlines() if not line.startswith("#")]
        assert [line for line in lines if not re.fullmatch(r"[\w.-]+==[\w.]+", line)] == []


def test_no_lock_holds_a_build_tag_and_the_cpu_lock_no_driver_package():
    versions = [*pins("cpu.lock.txt").values(), *pins("gpu.lock.txt").values()]
    assert [version for version in versions if "+" in version] == []
    assert [name for name in pins("cpu.lock.txt") if name.startswith("nvidia")] == []


def test_each_environment_is_part_of_its_lock():
    for name in ("cpu", "gpu"):
        assert pins(f"{name}.yaml").items() <= pins(f"{name}.lock.txt").items()


def test_the_environments_have_the_versions_that_go_together():
    assert CPU.items() <= pins("cpu.lock.txt").items()
    assert GPU.items() <= pins("gpu.lock.txt").items()


def test_what_both_environments_name_has_the_same_version_in_both():
    cpu, gpu = pins("cpu.yaml"), pins("gpu.yaml")
    differ = {name for name in cpu.keys() & gpu.keys() if cpu[name] != gpu[name]}
    assert differ == {"numpy"}  # the Slurm plugin needs 2.4.5 or more, vLLM less than 2.4
