"""Real services on loopback: PostgreSQL, an S3 server, MLflow's server, a browser. Tests skip absent ones."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest
from loopback import free_port
from mlflow_server import Server

POSTGRES = sorted(Path("/usr/lib/postgresql").glob("*/bin"))
KEYS = {
    "AWS_ACCESS_KEY_ID": "test",
    "AWS_SECRET_ACCESS_KEY": "test",
    "AWS_DEFAULT_REGION": "us-east-1",
}


@pytest.fixture
def postgres(tmp_path_factory):
    """Yield the address of an empty database."""
    if not POSTGRES:
        pytest.skip("`apt-get install postgresql` brings PostgreSQL")
    pytest.importorskip("psycopg2", reason="envs/services.lock.txt brings psycopg2")
    folder = tmp_path_factory.mktemp("postgres")
    port, who = free_port(), []
    if os.geteuid() == 0:  # it refuses to run as root
        who = ["runuser", "-u", "postgres", "--"]
        shutil.chown(folder, "postgres")
        for parent in folder.parents[:3]:
            if parent != Path("/tmp"):
                parent.chmod(0o755)
    data, binaries = folder / "data", POSTGRES[-1]

    def call(*command: str) -> None:
        done = subprocess.run(
            [*who, *command], cwd="/", capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stdout + done.stderr

    call(str(binaries / "initdb"), "-D", str(data), "-U", "r1v3", "-A", "trust")
    options = (
        f"-c listen_addresses=127.0.0.1 -c port={port} -c unix_socket_directories= -c fsync=off"
    )
    control = [str(binaries / "pg_ctl"), "-D", str(data), "-w"]
    call(*control, "-l", str(folder / "said.txt"), "-o", options, "start")
    yield f"postgresql://r1v3@127.0.0.1:{port}/postgres"
    call(*control, "-m", "immediate", "stop")


@pytest.fixture
def bucket():
    """Yield the address of an S3 server with an empty bucket `r1v3`."""
    moto = pytest.importorskip("moto.server", reason="envs/services.lock.txt brings moto")
    import boto3

    server = moto.ThreadedMotoServer("127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    client = boto3.client(
        "s3",
        endpoint_url=f"http://{host}:{port}",
        aws_access_key_id=KEYS["AWS_ACCESS_KEY_ID"],
        aws_secret_access_key=KEYS["AWS_SECRET_ACCESS_KEY"],
        region_name=KEYS["AWS_DEFAULT_REGION"],
    )
    client.create_bucket(Bucket="r1v3")
    yield client, f"http://{host}:{port}"
    server.stop()


@pytest.fixture
def server(tmp_path, postgres, bucket):
    """Return MLflow's server with PostgreSQL and S3 behind it, without starting it."""
    made = Server(tmp_path, postgres, "s3://r1v3/mlflow", MLFLOW_S3_ENDPOINT_URL=bucket[1], **KEYS)
    yield made
    made.stop()
