"""Turns records into samples for supervised training: a prompt, its pictures, and the reply to predict."""

import json
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

import torch

from r1v3.base.atomic_write import write_text
from r1v3.base.json_file import read_json
from r1v3.data.records import Record, read_records, render_question
from r1v3.model.encode import Encoder
from r1v3.model.packed import Group
from r1v3.model.prompt_template import NOTHINK, render_prompt, split_response
from r1v3.recipe.graph.configs import ModelConfig, ShownConfig
from r1v3.recipe.schema.recipe import Template
from r1v3.recipe.schema.training import Sft
from r1v3.reward.text.format import after_thought
from r1v3.train.core.ranks import ALONE, Ranks
from r1v3.train.core.template import recipe_template

ENCODED_AT_ONCE = 256
# A sample with its number of tiles, or the reason why it is skipped.
Tiled = tuple[Group | str, int]


@dataclass
class Samples:
    """Encoded samples in the order of the records.

    Attributes:
        groups: prompt and reply of each sample, with the tiles if these are kept in memory.
        tiles: number of tiles of each sample.
        pictures: picture files of each sample.
        skipped: id and reason of each record that is skipped.
    """

    ids: list[str] = field(default_factory=list[str])
    groups: list[Group] = field(default_factory=list[Group])
    tiles: list[int] = field(default_factory=list[int])
    pictures: list[list[Path]] = field(default_factory=list[list[Path]])
    skipped: dict[str, str] = field(default_factory=dict[str, str])

    def add(self, id: str, sample: Group | str, tiles: int, pictures: list[Path]) -> None:
        """Add a sample with its number of tiles, or the reason why it is skipped."""
        if isinstance(sample, str):
            self.skipped[id] = sample
            return
        self.ids.append(id)
        self.groups.append(sample)
        self.tiles.append(tiles)
        self.pictures.append(pictures)

    def lengths(self, indices: list[int]) -> list[int]:
        """Return the number of tokens of each sample, prompt and response."""
        groups = [self.groups[i] for i in indices]
        return [len(g.prompt_ids) + len(g.responses[0]) for g in groups]

    def responses(self, indices: list[int]) -> int:
        """Return the number of response tokens of the samples together."""
        return sum(len(self.groups[i].responses[0]) for i in indices)


@dataclass(frozen=True)
class Encoding:
    """Settings for turning the records of a data set into samples.

    Attributes:
        folder: folder of the data set.
        max_length: most tokens of a sample.
        keep_tiles: whether all tiles are kept in memory.
        opens: whether the template writes `<think>`; if not, the model learns to write it.
    """

    folder: Path
    encoder: Encoder
    template: Template
    max_length: int
    keep_tiles: bool = True
    opens: bool = True

    def pictures(self, record: Record) -> list[Path]:
        """Return the files of a record's pictures."""
        return [Path(self.folder) / image for image in record.images]


def encode_samples(
    records: list[Record],
    encoding: Encoding,
    *,
    threads: int = 1,
    ranks: Ranks = ALONE,
    known: dict[str, str] | None = None,
) -> Samples:
    """Encode every record that has a response. A record that is too long is skipped, never shortened.

    The reply ends with the template's end-of-turn token, which is learned too. If the template writes
    `<think>` and the reply begins with it, that tag belongs to the prompt. Otherwise it belongs to the reply.

    If tiles are not kept, the pictures' headers tell how many there will be. Each picture is still decoded
    once, so that a broken one is found before training begins. The ranks share that work.

    Args:
        threads: number of threads that read pictures.
        known: reason by id of samples with broken pictures, if an earlier start of this run found them. No
            picture is then decoded again.
    """
    encoding.encoder.text_ids("")  # sets the tokenizer's options before threads share it
    parts = [
        records[first : first + ENCODED_AT_ONCE]
        for first in range(0, len(records), ENCODED_AT_ONCE)
    ]
    with ThreadPoolExecutor(threads, thread_name_prefix="encode") as pool:
        encode = partial(_encode_part, encoding)
        encoded = [sample for part in pool.map(encode, parts) for sample in part]
        if not encoding.keep_tiles:
            bad = _undecodable(records, encoded, encoding, pool, ranks, known)
            encoded = [(bad.get(r.id, sample), n) for r, (sample, n) in zip(records, encoded)]
    samples = Samples()
    for record, (sample, tiles) in zip(records, encoded):
        samples.add(record.id, sample, tiles, encoding.pictures(record))
    return samples


def _undecodable(
    records: list[Record],
    encoded: list[Tiled],
    encoding: Encoding,
    pool: ThreadPoolExecutor,
    ranks: Ranks,
    known: dict[str, str] | None,
) -> dict[str, str]:
    """Return id and reason of samples whose pictures have a header but cannot be decoded."""
    (known,) = ranks.gather([known] if ranks.first else [])
    if known is not None:
        return known

    def problem_of(record: Record) -> str | None:
        try:
            encoding.encoder.check(encoding.pictures(record))
        except ValueError as problem:
            return str(problem)
        return None

    good = [r for r, (sample, _) in zip(records, encoded) if not isinstance(sample, str)]
    own = ranks.share(good)
    found = [(r.id, why) for r, why in zip(own, pool.map(problem_of, own)) if why]
    return dict(ranks.gather(found))


def _encode_part(encoding: Encoding, records: list[Record]) -> list[Tiled]:
    """Encode records: each sample with its number of tiles, or the reason why it is skipped."""
    try:
        encoded = _encode(encoding, records)
    except ValueError:  # at least one record is bad, so encode each alone to find out which
        encoded = [_encode_alone(encoding, record) for record in records]
    most = encoding.max_length
    return [(_too_long(sample, most) or sample, tiles) for sample, tiles in encoded]


def _encode_alone(encoding: Encoding, record: Record) -> Tiled:
    try:
        return _encode(encoding, [record])[0]
    except ValueError as problem:
        return str(problem), 0


def _too_long(sample: Group | str, max_length: int) -> str | None:
    if isinstance(sample, str):
        return None
    length = len(sample.prompt_ids) + len(sample.responses[0])
    return f"{length} tokens; {max_length} allowed" if length > max_length else None


def _encode(encoding: Encoding, records: list[Record]) -> list[Tiled]:
    encoder = encoding.encoder
    texts: list[str] = []
    replies: list[tuple[int, ...]] = []
    for record in records:
        if not record.response or not after_thought(record.response):
            raise ValueError(
                "empty response" if not record.response else "no answer in the response"
            )
        question = render_question(record.question, record.options, len(record.images))
        mode, response = NOTHINK, record.response
        if encoding.opens:
            mode, response = split_response(response)
        texts.append(render_prompt(encoding.template, question, mode))
        replies.append((*encoder.plain_ids(response), encoder.tokenizer.eos_token_id))
    pictures = [encoding.pictures(record) for record in records]
    if encoding.keep_tiles:
        return [
            (Group(prompt.prompt_ids, (reply,), prompt.tiles), len(prompt.tiles))
            for prompt, reply in zip(encoder.prompts(texts, pictures), replies)
        ]
    counts = [encoder.tile_counts(own) for own in pictures]
    return [
        (Group(ids, (reply,), torch.zeros(0)), sum(own))
        for ids, reply, own in zip(encoder.prompt_ids(texts, counts), replies, counts)
    ]


def load_samples(
    folder: Path, encoder: Encoder, config: ShownConfig, settings: Sft, skipped: Path
) -> Samples:
    """Encode a data set, and write the skipped records to a file.

    Args:
        folder: folder of the data set.
        config: has the prompt template.
        skipped: a JSON file from id to reason. If an earlier start of the run wrote it, it is read first, and
            no picture is decoded again.

    Raises:
        ValueError: a larger share is skipped than the recipe allows.
    """
    ranks, known = Ranks.join(), None
    if (skipped.parent / "resume").exists() and skipped.exists():
        known = read_json(skipped)
    encoding = Encoding(
        folder,
        encoder,
        recipe_template(config),
        max_length=settings.max_length,
        keep_tiles=settings.loading.cached,
        opens=not (isinstance(config, ModelConfig) and config.spec.mode == NOTHINK),
    )
    samples = encode_samples(
        read_records(folder), encoding, threads=settings.loading.threads, ranks=ranks, known=known
    )
    if ranks.first:
        write_text(skipped, json.dumps(samples.skipped, indent=1))
    check_skipped(samples, settings.max_set_aside)
    return samples


def check_skipped(samples: Samples, allowed: float) -> None:
    """Stop if too many samples are skipped.

    Raises:
        ValueError: the skipped share is above `allowed`. The message gives the first reasons.
    """
    skipped, total = len(samples.skipped), len(samples.skipped) + len(samples.ids)
    if not samples.ids or skipped > allowed * total:
        first = "; ".join(f"{key}: {why}" for key, why in list(samples.skipped.items())[:3])
        raise ValueError(
            f"{skipped} of {total} samples skipped, sft.max_set_aside allows {allowed:.1%}: {first}"
        )
