"""From records to what SFT learns: a prompt, its pictures, and the reply to be predicted."""

from dataclasses import dataclass, field, replace
from pathlib import Path

import torch

from r1v3.data.records import Record, render_question
from r1v3.generate.template import render_prompt, split_response
from r1v3.model.encode import Encoder
from r1v3.model.packed import Group
from r1v3.reward.template import after_thought

TOGETHER = 256


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
    template: dict,
    *,
    max_length: int,
    keep_tiles: bool = True,
) -> Samples:
    """Encode every record that has a response; nothing is ever cut to fit.

    The reply ends with the template's end-of-turn token, which is learned too. Where the reply begins
    with `<think>`, the template has opened the thought and that tag belongs to the prompt. Every picture
    is decoded here, kept or not, so that an unreadable one is known before training begins.
    """
    samples = Samples()
    for first in range(0, len(records), TOGETHER):
        part = records[first : first + TOGETHER]
        try:
            encoded = _encode(part, folder, encoder, template)
        except ValueError:
            encoded = [_encode_alone(record, folder, encoder, template) for record in part]
        for record, group in zip(part, encoded):
            if isinstance(group, str):
                samples.set_aside[record.id] = group
                continue
            length = len(group.prompt_ids) + len(group.responses[0])
            if length > max_length:
                samples.set_aside[record.id] = f"{length} tokens; {max_length} allowed"
                continue
            samples.ids.append(record.id)
            samples.tiles.append(len(group.tiles))
            samples.pictures.append(_paths(record, folder))
            samples.groups.append(group if keep_tiles else replace(group, tiles=torch.zeros(0)))
    return samples


def _encode_alone(record: Record, folder: Path, encoder: Encoder, template: dict) -> Group | str:
    """The sample, or the reason why it cannot be used."""
    try:
        return _encode([record], folder, encoder, template)[0]
    except ValueError as problem:
        return str(problem)


def _encode(records: list[Record], folder: Path, encoder: Encoder, template: dict) -> list[Group]:
    texts, replies = [], []
    for record in records:
        if not record.response or not after_thought(record.response):
            raise ValueError(
                "empty response" if not record.response else "no answer in the response"
            )
        question = render_question(record.question, record.options, len(record.images))
        mode, response = split_response(record.response)
        texts.append(render_prompt(template, question, mode))
        replies.append((*encoder.text_ids(response), encoder.tokenizer.eos_token_id))
    pictures = [_paths(record, folder) for record in records]
    return [
        Group(prompt.prompt_ids, (reply,), prompt.tiles)
        for prompt, reply in zip(encoder.prompts(texts, pictures), replies)
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
