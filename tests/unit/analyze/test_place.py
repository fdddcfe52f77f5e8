"""A local database keeps its artifacts beside itself, even if the checkout was moved."""

import shutil
import sqlite3
from pathlib import Path

from r1v3.analyze.mlflow.place import correct_artifact_paths
from r1v3.analyze.mlflow.store import MlflowStore


def test_a_copied_checkout_writes_nothing_into_the_first(tmp_path, empty_database):
    a, b = tmp_path / "a", tmp_path / "b"
    a.mkdir()
    shutil.copy(empty_database, a / "mlflow.db")
    first = MlflowStore(f"sqlite:///{a}/mlflow.db", "tiny")
    old = first.client.create_run(first.experiment).info.run_id
    first.client.log_dict(old, {"of": "a"}, "config.json")
    shutil.copytree(a, b)
    before = files(a)
    second = MlflowStore(f"sqlite:///{b}/mlflow.db", "tiny")
    new = second.client.create_run(second.experiment).info.run_id
    second.client.log_dict(new, {"of": "b"}, "config.json")
    model = second.client.create_logged_model(second.experiment, name="m", source_run_id=new)
    assert files(a) == before
    assert len(files(b)) == len(before) + 1
    assert str(model.artifact_location).startswith(f"{b}/mlartifacts")
    assert second.client.get_run(old).info.artifact_uri == f"{b}/mlartifacts/{old}/artifacts"


def test_a_place_of_the_user_s_own_stays(tmp_path):
    database = tmp_path / "mlflow.db"
    places = ["s3://bucket/mlartifacts", "/data/elsewhere", f"{tmp_path}/mlartifacts"]
    moved = ["/old/mlartifacts", "file:///old/place/mlruns/0"]
    with sqlite3.connect(database) as connection:
        connection.execute("CREATE TABLE experiments (artifact_location TEXT)")
        rows = [(place,) for place in [*places, *moved]]
        connection.executemany("INSERT INTO experiments VALUES (?)", rows)
    assert correct_artifact_paths(database) == 2
    assert correct_artifact_paths(database) == 0
    with sqlite3.connect(database) as connection:
        found = [place for (place,) in connection.execute("SELECT * FROM experiments")]
    assert found == [*places, f"{tmp_path}/mlartifacts", f"file://{tmp_path}/mlruns/0"]


def files(folder: Path) -> list[Path]:
    return sorted(path for path in (folder / "mlartifacts").rglob("*") if path.is_file())
