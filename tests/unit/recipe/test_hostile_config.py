"""Whatever a configuration file holds, a mistake in it is told with the file's name, at once."""

import time

import pytest

from r1v3.recipe.errors import RecipeError
from r1v3.recipe.snakemake import seeds_of

BOMB = "a: &a [x,x,x,x,x,x,x,x,x]\n" + "".join(
    f"{name}: &{name} [{','.join(['*' + before] * 9)}]\n"
    for before, name in zip("abcdefgh", "bcdefghi")
)
RATE = "grpo: {math: {optimizer: {learning_rate: %s}}}\n"
OVERLAYS = {
    "bomb": BOMB.encode(),
    "anchor cycle": b"seed: &x [*x]\n",
    "cycle of mappings": b"images: &x {a: *x}\n",
    "python tag": b"seed: !!python/object/apply:os.system ['touch pwned']\n",
    "latin-1": "seed: 2 # é\n".encode("latin-1"),
    "utf-16": "seed: 2\n".encode("utf-16"),
    "utf-16 big": b"\xfe\xff" + "seed: 2\n".encode("utf-16-be"),
    "binary": b"\x00\xff\xfe\x00seed",
    "NUL": b"seed: 2 # \x00\n",
    "escape": b"seed: 2 # \x1b[0m\n",
    "deep lists": b"seed: " + b"[" * 3000 + b"]" * 3000,
    "deep block": b"".join(b" " * n + b"a:\n" for n in range(1500)),
    "key of a list": b"? [a, b]\n: 1\n",
    "key of a mapping": b"? {a: b}\n: 1\n",
    "key of nothing": b"? \n: 1\n",
    "key of a date": b"2024-01-01: 1\n",
    "date": b"seed: 2024-13-45\n",
    "integer key": b"1: 2\n",
    "list": b"- a\n- b\n",
    "text": b"seed\n",
    "two documents": b"seed: 1\n---\nseed: 2\n",
    "empty section": b"grpo:\n",
    "seed negative": b"seed: -1\n",
    "seed true": b"seed: true\n",
    "seed huge": b"seed: 100000000000000000000000000\n",
    "seed nan": b"seed: .nan\n",
    "items true": b"evaluation: {items: true}\n",
    "rate inf": (RATE % ".inf").encode(),
    "rate -inf": (RATE % "-.inf").encode(),
    "rate nan": (RATE % ".nan").encode(),
    "temperature inf": b"evaluation: {temperature: .inf}\n",
}


@pytest.mark.parametrize("content", OVERLAYS.values(), ids=OVERLAYS)
def test_an_overlay_that_is_none_is_named(checkout, tmp_path, content):
    overlay = tmp_path / "overlay.yaml"
    overlay.write_bytes(content)
    began = time.monotonic()
    with pytest.raises(RecipeError, match=r"overlay\.yaml"):
        checkout.documents(overlay=overlay)
    assert time.monotonic() - began < 20


def test_a_folder_for_an_overlay_is_named(checkout, tmp_path):
    with pytest.raises(RecipeError, match="a YAML file is expected"):
        checkout.documents(overlay=tmp_path)


def test_a_byte_order_mark_is_no_mistake(checkout, tmp_path):
    overlay = tmp_path / "overlay.yaml"
    overlay.write_bytes(b"\xef\xbb\xbfseed: 2\n")
    assert checkout.documents(overlay=overlay).recipe.seed == 2


def chain(length: int) -> str:
    return "".join(f"q{i}: {{like: {f'q{i - 1}' if i else 'rl'}}}\n" for i in range(length))


RUNS = {
    "like list": "qq: {like: [rl]}\n",
    "like mapping": "qq: {like: {a: b}}\n",
    "like chain": chain(1500),
    "set list": "qq: {like: rl, set: [1]}\n",
    "set text with grid": "qq: {like: rl, set: text, grid: {seed: {a: 1, b: 2}}}\n",
    "grid axis of a number": "qq: {like: rl, grid: {5: {a: 1}}}\n",
    "grid huge": "qq: {like: rl, grid: {"
    + ", ".join(f"a{i}: {{{', '.join(f'v{j}: {j}' for j in range(10))}}}" for i in range(7))
    + "}}\n",
    "from list": "qq: {like: rl, from: [rl]}\n",
    "long name": "r" * 300 + ": {like: rl}\n",
    "long label": "qq: {like: rl, grid: {seed: {" + "b" * 300 + ": 1}}}\n",
    "name with a slash": "../../x: {like: rl}\n",
    "name with a line": '"rl\\n": {like: rl}\n',
    "name true": "yes: {like: rl}\n",
    "seed negative": "qq: {like: rl, seed: -1}\n",
    "rate inf": "qq: {like: rl, set: {optimizer: {learning_rate: .inf}}}\n",
}


@pytest.mark.parametrize("text", RUNS.values(), ids=RUNS)
def test_a_run_that_is_none_is_named(checkout, text):
    table = checkout.root / "config/runs.yaml"
    table.write_text(f"{table.read_text()}\n{text}")
    began = time.monotonic()
    with pytest.raises(RecipeError, match=r"runs\.yaml"):
        checkout.documents()
    assert time.monotonic() - began < 20


def test_an_empty_set_beside_a_grid_changes_nothing(checkout):
    table = checkout.root / "config/runs.yaml"
    table.write_text(f"{table.read_text()}\nqq: {{like: rl, set: , grid: {{seed: {{a: 2}}}}}}\n")
    assert "qq_a" in checkout.documents().project.runs


@pytest.mark.parametrize("said", ["0", "-1", "x", "²", "1.0", "1000000", "9" * 5000, "", "٣"])
def test_a_strange_number_of_seeds_is_refused_at_once(said):
    with pytest.raises(RecipeError, match="--config seeds"):
        seeds_of({"seeds": said})
