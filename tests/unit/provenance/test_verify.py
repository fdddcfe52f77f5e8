"""`r1v3 verify` reads every file, whatever the cache has."""

import json
import os
import shutil

import pytest
import typer

from r1v3.cli.provenance import verify_command as command
from r1v3.provenance.verify import verify
from r1v3.recipe.graph.configs import StageConfig
from r1v3.recipe.graph.identity import Node
from r1v3.recipe.outputs.stage import run_stage


@pytest.fixture
def folder(tmp_path):
    """Write a finished run with one file."""
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


@pytest.mark.parametrize(
    ("harm", "said"),
    [
        (lambda path: path.unlink(), "gone"),
        (lambda path: path.write_bytes(b"{"), "cut or damaged"),
        (lambda path: path.write_bytes(b"[5]"), "cut or damaged"),
    ],
)
def test_a_config_is_written_again_by_the_command_that_is_named(tmp_path, folder, harm, said):
    """Check the command, because no other target makes the config once the folder is finished."""
    harm(folder / "config.json")
    (line,) = verify(tmp_path)[1]
    assert f"config.json: {said}" in line
    assert f"`snakemake {(folder / 'config.json').relative_to(tmp_path)}` writes it again" in line


def test_a_folder_in_the_place_of_a_config_hides_no_other_damage(tmp_path, folder):
    other = folder.with_name("zwei-0123456789")
    shutil.copytree(folder, other)
    (folder / "config.json").unlink()
    (folder / "config.json").mkdir()
    first, second = verify(tmp_path)[1]
    assert "one-" in first
    assert "a folder lies where a file belongs; move it away" in first
    assert "zwei-0123456789/config.json: edited; its hash is" in second


def test_a_file_that_is_gone_is_named(tmp_path, folder):
    (folder / "weights").unlink()
    assert "weights: gone" in verify(tmp_path)[1][0]
