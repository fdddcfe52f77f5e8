"""MLflow absent, damaged or behind a password: the message says what to do, and shows no secret."""

import json
import os
import shutil
import sqlite3
from contextlib import closing

import pytest
from loopback import Handler, free_port, running
from made_up_results import ROOT

from r1v3.analyze.mlflow.publish import ResultFiles, publish_runs
from r1v3.analyze.mlflow.store import StoreError, store_errors
from r1v3.recipe.load import load_project
from r1v3.recipe.tracking import mark_of_store, without_login, without_secrets

SECRET = "S3CRETPW"


def publish(uri, folder):
    return publish_runs(
        load_project(ROOT, "tiny").recipe, ResultFiles([], [], []),
        tracking_uri=uri, output=folder / "mlflow.json",
    )  # fmt: skip


@pytest.fixture(autouse=True)
def environment(monkeypatch):
    for name in ("MLFLOW_TRACKING_USERNAME", "MLFLOW_TRACKING_PASSWORD"):
        monkeypatch.setenv(name, "")
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "0")
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_TIMEOUT", "1")


def test_a_damaged_database_is_named_with_its_remedy(tmp_path):
    store = tmp_path / "mlflow.db"
    store.write_bytes(b"SQLite format 3\0" + b"\xff" * 5000)
    with pytest.raises(StoreError, match=r"mlflow\.db: .*move it away, and `r1v3 ui`"):
        publish(f"sqlite:///{store}", tmp_path)
    assert not (tmp_path / "mlflow.json").exists()


def database(folder, *statements):
    path = folder / "mlflow.db"
    with closing(sqlite3.connect(path)) as connection, connection:
        for statement in statements:
            connection.execute(statement)
    return path


def test_a_database_of_a_newer_mlflow_is_named_with_its_remedy(tmp_path):
    store = database(
        tmp_path,
        "CREATE TABLE alembic_version (version_num VARCHAR(32))",
        "INSERT INTO alembic_version VALUES ('ffffffffffff')",
    )
    with pytest.raises(
        StoreError, match=r"mlflow\.db: .*move it away, and `r1v3 ui`.*ffffffffffff"
    ):
        publish(f"sqlite:///{store}", tmp_path)


@pytest.mark.parametrize("content", [None, b"hello", bytes(8192)])
def test_what_is_no_database_is_named(tmp_path, content):
    store = tmp_path / "mlflow.db"
    store.write_bytes(content) if content is not None else store.mkdir()
    with pytest.raises(StoreError, match=r"mlflow\.db: .*move it away, and `r1v3 ui`"):
        publish(f"sqlite:///{store}", tmp_path)


def test_a_database_of_another_program_is_named(tmp_path):
    store = database(tmp_path, "CREATE TABLE experiments (a)")
    with pytest.raises(StoreError, match=r"mlflow\.db: .*move it away"):
        publish(f"sqlite:///{store}", tmp_path)


@pytest.mark.parametrize(
    ("status", "reply"),
    [
        (200, b"<html>login</html>"), (200, b"5"), (200, b'{"experiment": 5}'), (200, b"[" * 10**5),
        (200, b'{"experiment": {"experiment_id": {"a": 1}}}'), (400, b'{"error_code": [1], "message": 5}'),
        (403, b"<html>"), (500, b"\xff\xfe"),
    ],
)  # fmt: skip
def test_a_server_that_talks_nonsense_is_named(tmp_path, status, reply):
    class Odd(Handler):
        def do_GET(self):
            self.send(status, reply)

        do_POST = do_GET

    with running(Odd) as address, pytest.raises(StoreError, match="have the server answer"):
        publish(address, tmp_path)


def test_a_database_without_its_driver_is_named(tmp_path):
    with pytest.raises(StoreError, match=r"mssql\+pymssql://db/x: .*install the driver.*pymssql"):
        publish(f"mssql+pymssql://bob:{SECRET}@db/x", tmp_path)


def test_an_address_that_is_none_is_told_without_it(tmp_path):
    with pytest.raises(ValueError, match=r"MLFLOW_TRACKING_URI: no address .*; correct it"):
        publish(f"http://bob:{SECRET}@[::1", tmp_path)


def test_an_error_of_our_own_is_not_blamed_on_mlflow():
    with pytest.raises(KeyError), store_errors("http://127.0.0.1:5000"):
        {}["absent"]


def test_a_server_that_is_away_is_named_without_its_password(tmp_path):
    with pytest.raises(StoreError, match="unset MLFLOW_TRACKING_URI") as told:
        publish(f"http://alice:{SECRET}@127.0.0.1:{free_port()}", tmp_path)
    error = told.value
    assert str(error).startswith("http://127.0.0.1:")
    while error is not None:
        assert SECRET not in str(error)
        error = error.__cause__ or error.__context__
    # MLflow itself takes them from here.
    assert os.environ["MLFLOW_TRACKING_USERNAME"] == "alice"
    assert os.environ["MLFLOW_TRACKING_PASSWORD"] == SECRET


def test_what_was_published_is_noted_by_the_address_without_secrets(
    tmp_path, empty_database, monkeypatch
):
    monkeypatch.setattr("r1v3.analyze.mlflow.publish.without_secrets", lambda uri: f"shown {uri}")
    shutil.copy(empty_database, tmp_path / "mlflow.db")
    uri = f"sqlite:///{tmp_path}/mlflow.db"
    publish(uri, tmp_path)
    noted = json.loads((tmp_path / "mlflow.json").read_text())
    assert noted["tracking_uri"] == f"shown {uri}"


@pytest.mark.parametrize(
    ("uri", "shown"),
    [
        (f"http://alice:{SECRET}@mlflow.example:5000/x", "http://mlflow.example:5000/x"),
        (f"https://mlflow.example/x?token={SECRET}", "https://mlflow.example/x"),
        (f"postgresql://bob:{SECRET}@db/runs?password={SECRET}", "postgresql://db/runs"),
        ("sqlite:///mlflow.db", "sqlite:///mlflow.db"),
        ("databricks", "databricks"),
    ],
)
def test_an_address_is_shown_without_its_secrets(uri, shown):
    assert without_secrets(uri) == shown


def test_a_new_password_leaves_the_store_the_same():
    first = mark_of_store("http://alice:one@127.0.0.1:5000")
    assert first == mark_of_store("http://bob:two@127.0.0.1:5000")
    assert first != mark_of_store("http://127.0.0.1:5001")


def test_a_password_with_signs_of_its_own_is_read():
    assert without_login("http://a%40b:p%2Fq@host:1/x") == ("http://host:1/x", "a@b", "p/q")
    assert without_login("postgresql://a:b@host/x")[1:] == (None, None)
