"""The pinned environments agree with each other and with what the package declares."""

import ast
import re
import sys
import tomllib
from importlib.metadata import packages_distributions
from pathlib import Path

from packaging.requirements import Requirement

ROOT = Path(__file__).parents[2]
ENVS = ROOT / "envs"
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
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


def declared(*extras: str) -> dict[str, Requirement]:
    """Return the package's dependencies, and those of some extras, by name."""
    lines = list(PROJECT["dependencies"])
    for extra in extras:
        lines += PROJECT["optional-dependencies"][extra]
    asked = [Requirement(line) for line in lines]
    return {re.sub(r"[-_.]+", "-", each.name.lower()): each for each in asked}


def test_each_lock_has_versions_that_the_package_allows():
    every = declared("slurm", "gpu", "dev")
    for lock in ("cpu", "gpu"):
        pinned = pins(f"{lock}.lock.txt")
        refused = {
            name: pinned[name]
            for name, asked in every.items()
            if name in pinned and pinned[name] not in asked.specifier
        }
        assert refused == {}
    assert declared("slurm", "dev").keys() <= pins("cpu.lock.txt").keys()
    assert declared("gpu").keys() - pins("gpu.lock.txt").keys() == PLANNING_ALONE


# What runs where Snakemake does, and not on the GPUs.
PLANNING_ALONE = {
    "dvc",
    "dvc-s3",
    "rocrate",
    "snakemake",
    "snakemake-interface-logger-plugins",
    "statsmodels",
}


def test_every_package_that_the_library_imports_is_declared():
    imported = set()
    for path in (ROOT / "workflow" / "r1v3").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Import):
                imported |= {alias.name.split(".")[0] for alias in node.names}
            elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
                imported.add(node.module.split(".")[0])
    others = imported - sys.stdlib_module_names - {"r1v3"}
    homes = packages_distributions()
    names = {
        name: {re.sub(r"[-_.]+", "-", d.lower()) for d in homes.get(name, [name])}
        for name in others
    }
    undeclared = {name for name, of in names.items() if not of & declared("gpu", "kernels").keys()}
    assert undeclared == set()


def test_one_cuda_is_named_everywhere_with_the_least_driver_that_runs_it():
    major, minor, _ = pins("gpu.lock.txt")["nvidia-cuda-runtime"].split(".")
    assert (major, minor) == ("13", "0")  # its least driver on Linux is 580.65.06
    image = (ENVS / "gpu.def").read_text()
    cluster = (ROOT / "docs/cluster.md").read_text()
    site = (ROOT / "slurm/site.yaml").read_text()
    named = re.findall(r"(?:nvidia/cuda:|CUDA of its wheels, |CUDA |cuda/)(\d+\.\d+)", image)
    named += re.findall(r"CUDA (\d+\.\d+)", cluster) + re.findall(r"cuda/(\d+\.\d+)", cluster)
    named += re.findall(r"cuda/(\d+\.\d+)", site)
    assert len(named) >= 4
    assert set(named) == {f"{major}.{minor}"}
    assert "580.65.06" in image
    assert "580.65.06" in cluster
