"""Many small jobs become a few large ones."""

from pathlib import Path

from on_slurm import OnSlurm


def test_many_small_jobs_go_through_grouped(make_workflow, cluster, tmp_path):
    checkout = OnSlurm(make_workflow(tmp_path), cluster)
    grouped = ["--groups", "small=small", "--group-components", "small=12"]
    small = Path(__file__).with_name("small_jobs.smk")
    said = checkout.run("--snakefile", str(small), "--directory", str(tmp_path), *grouped)
    assert said.count("has been submitted with SLURM jobid") == 4
    made = sorted(int(path.read_text()) for path in (tmp_path / "small").glob("*.txt"))
    assert made == list(range(48))
