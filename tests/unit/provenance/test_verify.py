"""`r1v3 verify` reads every file, whatever the cache remembers."""

import json
import os

import pytest
import typer

from r1v3.cli.provenance import verify_command as command
from r1v3.provenance.verify import verify
from r1v3.recipe.graph.configs import StageConfig
from r1v3.recipe.graph.identity import Node
from r1v3.recipe.outputs.stage import run_stage


@pytest.fixture
def folder(tmp_path):
    """A finished run with one file."""
    node = Node("sft", "one", {"version": 1, "name": "one", "seed": 1}, ())
    folder = tmp_path / node.folder
    folder.mkdir(parents=True)
    (folder / "config.json").write_text(json.dumps(node.config))

    def work(config, folder):
        (folder / "weights").write_bytes(b"abc")
        return {}

    run_stage(folder / "config.json", folder / "manifest.json", work, StageConfig)
    return folder


def test_what_is_as_it_was_is_counted(tmp_path, folder):
    assert verify(tmp_path) == (1, [])
    assert verify(tmp_path, tmp_path / "results/data") == (0, [])


@pytest.mark.parametrize(
    ("name", "damage", "said"),
    [
        ("weights", lambda data: b"abd", "weights: changed"),
        ("weights", lambda data: b"", "weights: changed"),
        ("manifest.json", lambda data: data[:50], "manifest.json: cut or damaged"),
        ("config.json", lambda data: data.replace(b'"seed": 1', b'"seed": 2'), "edited"),
    ],
)
def test_what_is_damaged_is_named_with_what_to_do(tmp_path, folder, name, damage, said, capsys):
    path = folder / name
    before = path.stat()
    path.write_bytes(damage(path.read_bytes()))
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
    _, (line,) = verify(tmp_path)
    assert said in line
    assert "delete" in line
    with pytest.raises(typer.Exit):
        command(root=tmp_path)
    assert said in capsys.readouterr().out


def test_a_file_that_is_gone_is_named(tmp_path, folder):
    (folder / "weights").unlink()
    assert "weights: gone" in verify(tmp_path)[1][0]
