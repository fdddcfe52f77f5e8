"""`dvc push` and `dvc pull` against an S3-compatible server on loopback."""

import pytest

pytest.importorskip("moto.server", reason="`pip install -r envs/services.lock.txt` brings moto")

pytestmark = [pytest.mark.integration, pytest.mark.slow]
KEYS = {
    "AWS_ACCESS_KEY_ID": "test",
    "AWS_SECRET_ACCESS_KEY": "test",
    "AWS_DEFAULT_REGION": "us-east-1",
}


@pytest.fixture
def server():
    """Run a server with an empty bucket `r1v3`, and yield its address."""
    import boto3
    from moto.server import ThreadedMotoServer

    moto = ThreadedMotoServer("127.0.0.1", port=0, verbose=False)
    moto.start()
    host, port = moto.get_host_and_port()
    address = f"http://{host}:{port}"
    client = boto3.client(
        "s3",
        endpoint_url=address,
        aws_access_key_id="test",
        aws_secret_access_key="test",
        region_name="us-east-1",
    )
    client.create_bucket(Bucket="r1v3")
    yield address
    moto.stop()


def test_a_clone_gets_a_run_from_s3_with_keys_from_the_environment(recorded, tmp_path, server):
    author, clone = recorded.clone(tmp_path / "author"), recorded.clone(tmp_path / "clone")
    for checkout in (author, clone):
        checkout.environment |= KEYS
        checkout.dvc("remote", "add", "--local", "--default", "bucket", "s3://r1v3/results")
        checkout.dvc("remote", "modify", "--local", "bucket", "endpointurl", server)
    author.dvc("config", "--local", "cache.dir", str(recorded.folder / ".dvc" / "cache"))
    run = clone.one("results/runs/rl-*").relative_to(clone.folder)
    author.dvc("push", f"{run}/data.dvc")
    clone.dvc("pull", f"{run}/data.dvc")
    model = clone.folder / run / "checkpoints" / "step-000001" / "model.safetensors"
    original = recorded.folder / run / "checkpoints" / "step-000001" / "model.safetensors"
    assert model.read_bytes() == original.read_bytes()
    # Keys in the environment, not in config.local, leave comparisons of commits working.
    assert "test" not in (clone.folder / ".dvc" / "config.local").read_text()
    clone.dvc("plots", "diff", "HEAD")
