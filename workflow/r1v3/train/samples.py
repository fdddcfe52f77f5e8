"""From records to what SFT learns: a prompt, its pictures, and the reply to be predicted."""

from dataclasses import dataclass, field
from pathlib import Path

from r1v3.data.records import Record, render_question
from r1v3.generate.template import render_prompt, split_response
from r1v3.model.encode import Encoder
from r1v3.model.packed import Group

TOGETHER = 256


@dataclass
class Samples:
    """Encoded samples in the records' order, and those that were set aside: id -> reason."""

    ids: list[str] = field(default_factory=list)
    groups: list[Group] = field(default_factory=list)
    set_aside: dict[str, str] = field(default_factory=dict)


def encode_samples(
    records: list[Record], folder: Path, encoder: Encoder, template: dict, *, max_length: int
) -> Samples:
    """Encode every record that has a response; nothing is ever cut to fit.

    The reply ends with the template's end-of-turn token, which is learned too. Where the reply begins
    with `<think>`, the template has opened the thought and that tag belongs to the prompt.
    """
    samples = Samples()
    for first in range(0, len(records), TOGETHER):
        part = records[first : first + TOGETHER]
        try:
            encoded = _encode(part, folder, encoder, template)
        except (ValueError, OSError):
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
            samples.groups.append(group)
    return samples


def _encode_alone(record: Record, folder: Path, encoder: Encoder, template: dict) -> Group | str:
    """The sample, or the reason why it cannot be used."""
    try:
        return _encode([record], folder, encoder, template)[0]
    except (ValueError, OSError) as problem:
        return str(problem)


def _encode(records: list[Record], folder: Path, encoder: Encoder, template: dict) -> list[Group]:
    texts, replies = [], []
    for record in records:
        if not record.response or not record.response.strip():
            raise ValueError("empty response")
        question = render_question(record.question, record.options, len(record.images))
        mode, response = split_response(record.response)
        texts.append(render_prompt(template, question, mode))
        replies.append((*encoder.text_ids(response), encoder.tokenizer.eos_token_id))
    pictures = [[Path(folder) / image for image in record.images] for record in records]
    return [
        Group(prompt.prompt_ids, (reply,), prompt.tiles)
        for prompt, reply in zip(encoder.prompts(texts, pictures), replies)
    ]


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
