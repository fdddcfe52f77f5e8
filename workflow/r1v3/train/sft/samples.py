"""From records to what SFT learns: a prompt, its pictures, and the reply to be predicted."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

import torch

from r1v3.data.records import Record, render_question
from r1v3.model.encode import Encoder
from r1v3.model.packed import Group
from r1v3.model.prompt_template import render_prompt, split_response
from r1v3.recipe.schema.recipe import Template
from r1v3.reward.text.format import after_thought
from r1v3.train.core.ranks import Ranks

TOGETHER = 256
ALONE = Ranks(0, 1)


@dataclass
class Samples:
    """Encoded samples in the records' order, and those that were set aside: id -> reason.

    `tiles` counts each sample's. Where tiles are not kept, `groups` hold none and `pictures` say where
    they come from.
    """

    ids: list[str] = field(default_factory=list)
    groups: list[Group] = field(default_factory=list)
    tiles: list[int] = field(default_factory=list)
    pictures: list[list[Path]] = field(default_factory=list)
    set_aside: dict[str, str] = field(default_factory=dict)

    def add(self, record: Record, sample: Group | str, tiles: int, folder: Path) -> None:
        """A sample with the number of its tiles, or the reason why it cannot be used."""
        if isinstance(sample, str):
            self.set_aside[record.id] = sample
            return
        self.ids.append(record.id)
        self.groups.append(sample)
        self.tiles.append(tiles)
        self.pictures.append(_paths(record, folder))

    def lengths(self, indices: list[int]) -> list[int]:
        """Tokens of samples, prompt and response."""
        groups = [self.groups[i] for i in indices]
        return [len(g.prompt_ids) + len(g.responses[0]) for g in groups]

    def responses(self, indices: list[int]) -> int:
        """Response tokens of samples together."""
        return sum(len(self.groups[i].responses[0]) for i in indices)


def encode_samples(
    records: list[Record],
    folder: Path,
    encoder: Encoder,
    template: Template,
    *,
    max_length: int,
    keep_tiles: bool = True,
    threads: int = 1,
    ranks: Ranks = ALONE,
    known: dict[str, str] | None = None,
) -> Samples:
    """Encode every record that has a response; nothing is ever cut to fit.

    The reply ends with the template's end-of-turn token, which is learned too. Where the reply begins
    with `<think>`, the template has opened the thought and that tag belongs to the prompt.

    Where tiles are not kept, the pictures' headers tell how many there will be. Each picture is decoded
    once all the same, so that an unreadable one is known before training begins; the ranks share that work.

    Args:
        threads: that read pictures.
        known: what was set aside when this run first began; its pictures are not decoded again.
    """
    encoder.text_ids("")  # settles the tokenizer's options before threads share it
    parts = [records[first : first + TOGETHER] for first in range(0, len(records), TOGETHER)]
    with ThreadPoolExecutor(threads, thread_name_prefix="encode") as pool:
        encode = partial(_encode_part, folder, encoder, template, max_length, keep_tiles)
        encoded = [sample for part in pool.map(encode, parts) for sample in part]
        if not keep_tiles:
            bad = _undecodable(records, encoded, folder, encoder, pool, ranks, known)
            encoded = [(bad.get(r.id, sample), n) for r, (sample, n) in zip(records, encoded)]
    samples = Samples()
    for record, (sample, tiles) in zip(records, encoded):
        samples.add(record, sample, tiles, folder)
    return samples


def _undecodable(records, encoded, folder, encoder, pool, ranks: Ranks, known) -> dict[str, str]:
    """Ids and reasons of samples whose pictures have headers and cannot be decoded."""
    (known,) = ranks.gather([known] if ranks.first else [])
    if known is not None:
        return known

    def look(record: Record) -> str | None:
        try:
            encoder.check(_paths(record, folder))
        except ValueError as problem:
            return str(problem)
        return None

    good = [r for r, (sample, _) in zip(records, encoded) if not isinstance(sample, str)]
    own = ranks.share(good)
    found = [(r.id, why) for r, why in zip(own, pool.map(look, own)) if why]
    return dict(ranks.gather(found))


def _encode_part(
    folder: Path,
    encoder: Encoder,
    template: Template,
    max_length: int,
    keep_tiles: bool,
    records: list[Record],
) -> list[tuple[Group | str, int]]:
    """Each sample with the number of its tiles, or the reason why it cannot be used."""
    encode = partial(_encode, folder, encoder, template, keep_tiles)
    try:
        encoded = encode(records)
    except ValueError:
        encoded = [_encode_alone(encode, record) for record in records]
    return [(_too_long(sample, max_length) or sample, tiles) for sample, tiles in encoded]


def _encode_alone(encode, record: Record) -> tuple[Group | str, int]:
    try:
        return encode([record])[0]
    except ValueError as problem:
        return str(problem), 0


def _too_long(sample: Group | str, max_length: int) -> str | None:
    if isinstance(sample, str):
        return None
    length = len(sample.prompt_ids) + len(sample.responses[0])
    return f"{length} tokens; {max_length} allowed" if length > max_length else None


def _encode(
    folder: Path, encoder: Encoder, template: Template, keep_tiles: bool, records: list[Record]
) -> list[tuple[Group, int]]:
    texts, replies = [], []
    for record in records:
        if not record.response or not after_thought(record.response):
            raise ValueError(
                "empty response" if not record.response else "no answer in the response"
            )
        question = render_question(record.question, record.options, len(record.images))
        mode, response = split_response(record.response)
        texts.append(render_prompt(template, question, mode))
        replies.append((*encoder.plain_ids(response), encoder.tokenizer.eos_token_id))
    pictures = [_paths(record, folder) for record in records]
    if keep_tiles:
        return [
            (Group(prompt.prompt_ids, (reply,), prompt.tiles), len(prompt.tiles))
            for prompt, reply in zip(encoder.prompts(texts, pictures), replies)
        ]
    counts = [encoder.tile_counts(own) for own in pictures]
    return [
        (Group(ids, (reply,), torch.zeros(0)), sum(own))
        for ids, reply, own in zip(encoder.prompt_ids(texts, counts), replies, counts)
    ]


def _paths(record: Record, folder: Path) -> list[Path]:
    return [Path(folder) / image for image in record.images]


def check_set_aside(samples: Samples, allowed: float) -> None:
    """Stop when too much of the data cannot be learned from.

    Raises:
        ValueError: the share set aside is above `allowed`; the first reasons are named.
    """
    lost, all_of_them = len(samples.set_aside), len(samples.set_aside) + len(samples.ids)
    if not samples.ids or lost > allowed * all_of_them:
        first = "; ".join(f"{key}: {why}" for key, why in list(samples.set_aside.items())[:3])
        raise ValueError(
            f"{lost} of {all_of_them} samples set aside, sft.max_set_aside allows {allowed:.1%}: {first}"
        )
