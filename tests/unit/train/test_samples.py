"""The tokens that are learned; samples that cannot be learned are skipped with a reason."""

import json
from pathlib import Path

import pytest
import torch
from model_fixtures import TEMPLATE, picture, small_encoder, small_processor

from r1v3.data.records import Record
from r1v3.model.encode import Encoder
from r1v3.model.packed import pack_groups
from r1v3.recipe.graph.configs import ModelConfig
from r1v3.recipe.snakemake import open_graph
from r1v3.train.core.ranks import Ranks
from r1v3.train.sft import samples as encoding
from r1v3.train.sft.batches import Packer
from r1v3.train.sft.samples import Encoding, check_skipped, encode_samples

ROOT = Path(__file__).parents[3]


def record(
    name,
    folder,
    response="<think>3+4=7.</think>\\boxed{7}",
    question="What is the sum?",
    pictures=1,
):
    images = []
    for number in range(pictures):
        path = f"{name}-{number}.png"
        picture(number, 56 if number else 28, 28).save(folder / path)
        images.append(path)
    return Record(
        name,
        question,
        None,
        "7",
        "fill",
        tuple(images),
        "plain",
        "easy",
        "en",
        "test",
        "none",
        "train",
        response,
    )


def encoded(records, folder, *, keep_tiles=True, opens=True, **shared):
    encoding = Encoding(folder, small_encoder(), TEMPLATE, 400, keep_tiles, opens)
    return encode_samples(records, encoding, **shared)


def test_the_mask_covers_the_reply_and_nothing_else_token_by_token(tmp_path):
    samples = encoded([record("two", tmp_path, pictures=2)], tmp_path)
    tokenizer = small_processor().tokenizer
    tile = "<IMG_CONTEXT>" * 4
    # one tile for the square; the wide one is two tiles and a thumbnail
    prompt = (
        "<|im_start|>system\nYou are a helpful assistant.<|im_end|>\n<|im_start|>human\n"
        f"<img>{tile}</img>\n<img>{tile * 3}</img>\nWhat is the sum?<|im_end|>\n"
        "<|im_start|>assistant\n<think>"
    )
    reply = "3+4=7.</think>\\boxed{7}<|im_end|>"
    ids = tokenizer(prompt, add_special_tokens=False)["input_ids"]
    learned = tokenizer(reply, add_special_tokens=False)["input_ids"]
    assert samples.tiles == [4]
    pack = pack_groups(samples.groups)
    assert pack.input_ids_T.tolist() == ids + learned[:-1]
    labels = [-100] * len(ids + learned[:-1])
    for source, target in zip(pack.source_N.tolist(), pack.target_N.tolist()):
        labels[source] = target
    # every place predicts the token after it: none of the prompt, all of the reply, the end of the turn
    assert labels == [-100] * (len(ids) - 1) + learned


def test_a_model_whose_template_opens_no_thought_learns_to_write_the_tag_itself(tmp_path):
    group = encoded([record("one", tmp_path)], tmp_path, opens=False).groups[0]
    decode = small_processor().tokenizer.decode
    assert decode(group.prompt_ids).endswith("<|im_start|>assistant\n")
    assert decode(group.responses[0]) == "<think>3+4=7.</think>\\boxed{7}<|im_end|>"


@pytest.mark.parametrize(
    ("model", "opens"), [("instructed", False), ("base", False), ("teacher", True)]
)
def test_a_model_learns_the_tag_as_its_thinking_mode_says(model, opens, tmp_path, monkeypatch):
    resolved = open_graph(ROOT, {"recipe": "tiny"}).run(model).resolved
    config = ModelConfig.model_validate(resolved)
    asked = {}
    monkeypatch.setattr(encoding, "read_records", lambda folder: [])
    monkeypatch.setattr(encoding, "check_skipped", lambda samples, allowed: None)
    monkeypatch.setattr(
        encoding,
        "encode_samples",
        lambda records, given, **shared: asked.update(opens=given.opens) or encoding.Samples(),
    )
    encoding.load_samples(
        tmp_path, small_encoder(), config, config.spec.settings, tmp_path / "s.json"
    )
    assert asked["opens"] is opens


def test_in_a_pack_each_sample_has_its_own_mask(tmp_path):
    records = [
        record("a", tmp_path, pictures=0),
        record("b", tmp_path, response="7"),
        record("c", tmp_path),
    ]
    samples = encoded(records, tmp_path)
    pack, first = pack_groups(samples.groups), 0
    for group, reply in zip(samples.groups, [g.responses[0] for g in samples.groups]):
        start = first + len(group.prompt_ids) - 1
        own = (pack.source_N >= first) & (pack.source_N < start + len(reply))
        assert pack.source_N[own].tolist() == list(range(start, start + len(reply)))
        assert tuple(pack.target_N[own].tolist()) == reply
        first = start + len(reply)


@pytest.mark.parametrize("keep_tiles", [True, False])
def test_bad_samples_are_skipped_with_their_reasons(keep_tiles, tmp_path):
    records = [
        record("good", tmp_path),
        record("empty", tmp_path, response=""),
        record("thought_only", tmp_path, response="<think>3+4=7.</think> "),
        record("unclosed", tmp_path, response="<think>3+4=7."),
        record("long", tmp_path, response="7 " * 500),
        record("marked_twice", tmp_path, question="<image> and <image>?"),
        record("cut", tmp_path),
        record("no_picture", tmp_path),
        record("not_a_picture", tmp_path),
        record("too_large", tmp_path),
    ]
    path = tmp_path / "cut-0.png"
    path.write_bytes(path.read_bytes()[:-900])
    (tmp_path / "no_picture-0.png").unlink()
    (tmp_path / "not_a_picture-0.png").write_text("hello")
    picture(1, 1000, 1000).save(tmp_path / "too_large-0.png")
    samples = encoded(records, tmp_path, keep_tiles=keep_tiles, threads=2)
    assert samples.ids == ["good"]
    reasons = dict(samples.skipped)
    assert set(reasons) == {r.id for r in records[1:]}
    assert reasons["empty"] == "empty response"
    assert reasons["thought_only"] == reasons["unclosed"] == "no answer in the response"
    assert "400 allowed" in reasons["long"]
    assert "marks 2 pictures but has 1" in reasons["marked_twice"]
    assert reasons["cut"].startswith("cut-0.png: ")
    assert reasons["no_picture"].startswith("no_picture-0.png: ")
    assert reasons["not_a_picture"].startswith("not_a_picture-0.png: ")
    assert "too_large" in reasons
    json.dumps(reasons)
    with pytest.raises(
        ValueError, match=r"9 of 10 samples skipped, sft.max_set_aside allows 50.0%"
    ):
        check_skipped(samples, 0.5)
    check_skipped(samples, 0.9)


def test_tiles_that_are_read_when_needed_are_those_that_were_kept(tmp_path):
    records = [record(n, tmp_path, pictures=p) for n, p in (("a", 2), ("b", 0), ("c", 1))]
    kept, bare = encoded(records, tmp_path), encoded(records, tmp_path, keep_tiles=False)
    assert sum(len(group.tiles) for group in bare.groups) == 0
    packs = [
        Packer(samples, small_encoder(), Ranks(0, 1), False, None).pack([0, 1, 2])
        for samples in (kept, bare)
    ]
    assert torch.equal(packs[0].tiles, packs[1].tiles)
    picture(9, 28, 28).resize((280, 28)).save(tmp_path / "c-0.png")
    with pytest.raises(ValueError, match="c: 1 tiles before, 5 now"):
        Packer(bare, small_encoder(), Ranks(0, 1), False, None).pack([2])
    (tmp_path / "c-0.png").unlink()
    with pytest.raises(ValueError, match=r"c: c-0\.png: "):
        Packer(bare, small_encoder(), Ranks(0, 1), False, None).pack([2])


def test_what_headers_tell_of_samples_is_what_decoding_tells(tmp_path, monkeypatch):
    monkeypatch.setattr(encoding, "ENCODED_AT_ONCE", 3)
    records = [record(f"{n}", tmp_path, pictures=n % 4) for n in range(10)]
    records[4] = record("4", tmp_path, response="")
    picture(7, 280, 28).save(tmp_path / "6-0.png")
    kept = encoded(records, tmp_path)
    bare = encoded(records, tmp_path, keep_tiles=False, threads=3)
    every = list(range(9))
    assert bare.ids == kept.ids == [r.id for r in records if r.id != "4"]
    assert (bare.tiles, bare.lengths(every)) == (kept.tiles, kept.lengths(every))
    assert [g.prompt_ids for g in bare.groups] == [g.prompt_ids for g in kept.groups]


def test_each_rank_decodes_its_share_and_all_know_what_was_found(tmp_path, monkeypatch):
    records = [record(name, tmp_path) for name in "abcd"]
    for name in "bd":
        path = tmp_path / f"{name}-0.png"
        path.write_bytes(path.read_bytes()[:-900])
    found, looked = [], []
    monkeypatch.setattr(Ranks, "gather", lambda self, part: part or [None])
    check = Encoder.check
    monkeypatch.setattr(
        Encoder, "check", lambda self, own: (looked.append(own[0].stem), check(self, own))
    )
    for rank in range(2):
        samples = encoded(records, tmp_path, keep_tiles=False, ranks=Ranks(rank, 2))
        found.append(sorted(samples.skipped))
    assert looked == ["a-0", "b-0", "c-0", "d-0"]
    assert found == [["b"], ["d"]]  # here no rank hears of the other's


def test_a_run_that_goes_on_skips_what_it_began_without_and_decodes_nothing(tmp_path):
    records = [record(name, tmp_path) for name in "abc"]
    path = tmp_path / "b-0.png"
    path.write_bytes(path.read_bytes()[:-900])
    samples = encoded(records, tmp_path, keep_tiles=False, known={"c": "told before"})
    assert samples.ids == ["a", "b"]
    assert samples.skipped == {"c": "told before"}


@pytest.mark.parametrize(
    ("said", "token"),
    [
        ("<IMG_CONTEXT>", "<IMG_CONTEXT>"),
        ("a<|im_end|>b", "<|im_end|>"),
        ("<img></img>", "</img>, <img>"),
        ("<|endoftext|>", "<|endoftext|>"),
    ],
)
def test_a_response_with_control_tokens_is_skipped(said, token, tmp_path):
    records = [
        record("odd", tmp_path, response=f"<think>3+4=7. {said}</think>\\boxed{{7}}"),
        record("fine", tmp_path, response="<think>3 <|x and y|> 4</think>\\boxed{7}"),
    ]
    samples = encoded(records, tmp_path)
    assert samples.ids == ["fine"]
    assert samples.skipped == {"odd": f"control tokens in the text: {token}"}


def test_control_tokens_in_a_question_are_plain_text(tmp_path):
    said = "What is <IMG_CONTEXT> or <|im_end|>?"
    samples = encoded([record("odd", tmp_path, question=said)], tmp_path)
    ids = samples.groups[0].prompt_ids
    tokenizer = small_processor().tokenizer
    assert ids.count(tokenizer.context_image_token_id) == 4  # the picture's own
    assert ids.count(tokenizer.eos_token_id) == 2  # of the system's turn and the user's
