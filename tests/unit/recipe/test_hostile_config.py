"""Any mistake in a configuration file is reported at once, with the file's name."""

import json
import time

import pytest

from r1v3.recipe.errors import RecipeError
from r1v3.recipe.seeds import seeds_on_disk
from r1v3.recipe.snakemake import seeds_of
from r1v3.recipe.tables.benchmarks import load_table

BOMB = "a: &a [x,x,x,x,x,x,x,x,x]\n" + "".join(
    f"{name}: &{name} [{','.join(['*' + before] * 9)}]\n"
    for before, name in zip("abcdefgh", "bcdefghi")
)
MERGES = "a: &a {k: 1}\n" + "".join(
    f"{name}: &{name} {{<<: [{','.join(['*' + before] * 9)}]}}\n"
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
    "bomb of merges": MERGES.encode(),
    "merge of a number": b"images: {<<: 5}\n",
    "utf-32": "seed: 2\n".encode("utf-32"),
    "utf-16 without a mark": "seed: 2\n".encode("utf-16-le"),
    "no bool": b"seed: !!bool abc\n",
    "no timestamp": b"seed: !!timestamp abc\n",
    "no int": b"seed: !!int ''\n",
    "no binary": b"seed: !!binary '###'\n",
    "base 60": b"seed: 1:30\n",
    "base 8": b"seed: 010\n",
    "5,000 digits": b"seed: " + b"9" * 5000 + b"\n",
    "a number as name": b"data: {5: {size: 1}}\n",
    "a truth as name": b"data: {yes: {size: 1}}\n",
    "over": b"over: [tiny]\n",
    "no tasks": b"data: {math_normal: {source: {tasks: {}}}}\n",
    "a benchmark twice": b"evaluation: {benchmarks: [mmstar, mmstar]}\n",
    "tiles out of order": b"images: {min_tiles: 5, max_tiles: 2}\n",
    "a name that leaves": b"name: ../../x\n",
    "steps beyond 64 bits": b"grpo: {math: {steps: 99999999999999999999}}\n",
    "nucleus of nothing": b"evaluation: {top_p: 0}\n",
    "certainty": b"evaluation: {confidence: 1}\n",
    "a million letters": b"seed: " + b"x" * 10**6 + b"\n",
    "key of a million letters": b"? " + b"x" * 10**6 + b"\n: 1\n",
    "a rate that is true": (RATE % "true").encode(),
    "a temperature that is yes": b"evaluation: {temperature: yes}\n",
    "a nucleus that is on": b"evaluation: {top_p: on}\n",
    "a weight that is true": b"data: {math_normal: {source: {tasks: {sum: true}}}}\n",
    "a decay that is true": b"grpo: {math: {optimizer: {betas: [true, 0.9]}}}\n",
    "GPUs that are true": b"layout: {grpo: {gpus: true}}\n",
    "a count in quotes": b"grpo: {math: {samples: '4'}}\n",
    "key of no number": b".nan: 1\n",
    "key that paints": b'"\\e[31mseed\\n": 1\n',
}


@pytest.mark.parametrize("content", OVERLAYS.values(), ids=OVERLAYS)
def test_an_overlay_that_is_none_is_named(checkout, tmp_path, content):
    overlay = tmp_path / "overlay.yaml"
    overlay.write_bytes(content)
    began = time.monotonic()
    with pytest.raises(RecipeError, match=r"overlay\.yaml") as told:
        checkout.graph(overlay=overlay)
    assert time.monotonic() - began < 20
    assert all(line.isprintable() and len(line) < 1000 for line in told.value.lines)
    assert str(told.value).count("overlay.yaml: ") <= len(told.value.lines)


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"seed: !!bool abc\n", r"overlay\.yaml, line 1: 'abc' is no bool"),
        (b"name: x\nseed: 1:30\n", "line 2: '1:30' is no decimal number"),
        ("seed: 2\n".encode("utf-32"), r"not UTF-8 \(UTF-32\); save it as UTF-8"),
        (b"data: {math_normal: {size: true}}\n", r"overlay\.yaml: data\.math_normal\.size: .* got True"),
        (b"a:\n\tb: 1\n", "line 2: .*; .*indent by spaces, not by tabs"),
        (b"seed: !mine 2\n", "line 1: .*; leave the tag out"),
        (b"seed: 1\n---\nseed: 2\n", "line 2: .*; a file holds one"),
        (b"seed: *x\n", "line 1: .*; name it by & above"),
        (b"yes: 1\n", "line 1: a key is a word, not yes; put it in quotes"),
        (b"name: 2024-01-01\n", r"overlay\.yaml: name: text is expected; put it in quotes"),
        (b"sft: []\n", r"overlay\.yaml: sft: a mapping of keys is expected"),
        (RATE.encode() % b"yes", r"grpo\.math\.optimizer: learning_rate: a number is expected"),
        (b"data: {5: {size: 1}}\n", r"overlay\.yaml: data: '5' is no name"),
        (b"data: {1.5: {size: 1}}\n", r"overlay\.yaml: data: '1\.5' is no name"),
    ],
)  # fmt: skip
def test_a_mistake_is_told_with_its_place(checkout, tmp_path, content, said):
    overlay = tmp_path / "overlay.yaml"
    overlay.write_bytes(content)
    with pytest.raises(RecipeError, match=said):
        checkout.graph(overlay=overlay)


def test_a_merge_lays_one_mapping_under_another(checkout, tmp_path):
    overlay = tmp_path / "overlay.yaml"
    overlay.write_text(
        "grpo: {math: {optimizer: &o {<<: {learning_rate: 0.5}, learning_rate: 0.25}}}\n"
        "sft: {base: {optimizer: {<<: *o}}}\n"
    )
    recipe = checkout.graph(overlay=overlay).recipe
    assert recipe.grpo["math"].optimizer.learning_rate == 0.25
    assert recipe.sft["base"].optimizer.learning_rate == 0.25


@pytest.mark.parametrize("name", ["", "a b", "x" * 101, "../x", "a\nb", "a/b", "rl\n"])
def test_a_recipe_names_files_and_so_has_a_plain_name(checkout, tmp_path, name):
    overlay = tmp_path / "overlay.yaml"
    overlay.write_text(f"name: {json.dumps(name)}\n")
    with pytest.raises(RecipeError, match=r"overlay\.yaml: name: "):
        checkout.graph(overlay=overlay)


NAMES = [
    "../x",
    "a/b",
    "A",
    "ä",
    "-a",
    "",
    "a" * 101,
    "a|b",
    "a b",
    "a\tb",
    "rl__seed2",
    "ſ",
    "1",
    "a.b",
]
NAMED = {
    "data": {"kind": "sampled"}, "models": {"source": "hub"}, "sft": {}, "grpo": {},
    "baselines": {"source": "hub"},
}  # fmt: skip


@pytest.mark.parametrize("name", NAMES)
def test_an_entry_names_files_and_so_has_a_plain_name(checkout, tmp_path, name):
    overlay = tmp_path / "overlay.yaml"
    suites = {"held_out": {name: "math_test"}, "study": {"sets": {name: "math_test"}}}
    named = {key: {name: entry} for key, entry in NAMED.items()}
    overlay.write_text(json.dumps({**named, "evaluation": suites}))
    with pytest.raises(RecipeError) as told:
        checkout.graph(overlay=overlay)
    for place in (*NAMED, "evaluation.held_out", "evaluation.study.sets"):
        assert [
            line for line in told.value.lines
            if line.startswith(f"{overlay}: {place}: ") and " name" in line
        ], place  # fmt: skip


TABLES = {
    "studies": "{title: t, section: s, shows: s, question: q, arms: {a: {run: rl}}}",
    "claims": "{says: s, section: s, kind: untestable, why: w}",
    "sources": "{title: t, where: mine.jsonl}",
    "benchmarks": "{title: t, file: mine.tsv, form: open}",
    "runs": "{like: rl}",
}


@pytest.mark.parametrize("table", TABLES)
def test_an_entry_of_a_table_has_a_plain_name(checkout, table):
    path = checkout.root / f"config/{table}.yaml"
    whole = path.read_text()
    for name in NAMES[:6]:
        path.write_text(f"{whole}\n{json.dumps(name)}: {TABLES[table]}\n")
        with pytest.raises(RecipeError, match=rf"{table}\.yaml: .*name has "):
            checkout.graph()
    path.write_text(f"{whole}\nmine: {TABLES[table]}\n")
    checkout.graph()


def test_a_folder_that_looks_like_a_twin_asks_for_no_seeds(tmp_path):
    for name in ("rl__seed3-0123456789", "rl__seedx-0123456789", "rl__seed99999999-0123456789",
                 "rl__seed²-0123456789", "rl__seed"):  # fmt: skip
        (tmp_path / "runs" / name).mkdir(parents=True)
    assert seeds_on_disk(tmp_path) == 3


@pytest.mark.parametrize(
    "text", ["[1]", "5", "true", "[]", "{mine: [1]}", "{mine: }", "{mine: {}}"]
)
def test_a_table_of_benchmarks_that_is_none_is_named(tmp_path, text):
    (tmp_path / "benchmarks.yaml").write_text(text)
    with pytest.raises(RecipeError, match=r"benchmarks\.yaml"):
        load_table(tmp_path / "benchmarks.yaml")


@pytest.mark.parametrize(
    "scores", ["[1]", "5", "{gpt_4o: .nan}", "{gpt_4o: {score: .inf}}", "{1: 2}"]
)
def test_published_scores_that_are_none_are_named(tmp_path, scores):
    path = tmp_path / "benchmarks.yaml"
    path.write_text(f"mine: {{title: t, file: a.tsv, form: open, published: {scores}}}\n")
    with pytest.raises(RecipeError, match=r"benchmarks\.yaml: mine: published"):
        load_table(path)


def test_a_folder_for_an_overlay_is_named(checkout, tmp_path):
    with pytest.raises(RecipeError, match="a YAML file is expected"):
        checkout.graph(overlay=tmp_path)


def test_a_byte_order_mark_is_no_mistake(checkout, tmp_path):
    overlay = tmp_path / "overlay.yaml"
    overlay.write_bytes(b"\xef\xbb\xbfseed: 2\n")
    assert checkout.graph(overlay=overlay).recipe.seed == 2


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
        checkout.graph()
    assert time.monotonic() - began < 20


def test_an_empty_set_beside_a_grid_changes_nothing(checkout):
    table = checkout.root / "config/runs.yaml"
    table.write_text(f"{table.read_text()}\nqq: {{like: rl, set: , grid: {{seed: {{a: 2}}}}}}\n")
    assert "qq_a" in checkout.graph().project.runs


@pytest.mark.parametrize("said", ["0", "-1", "x", "²", "1.0", "1000000", "9" * 5000, "", "٣"])
def test_a_strange_number_of_seeds_is_refused_at_once(said):
    with pytest.raises(RecipeError, match="--config seeds"):
        seeds_of({"seeds": said})
