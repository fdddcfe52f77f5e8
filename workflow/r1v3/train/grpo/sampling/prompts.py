"""The prompts of a run: the records of a data set, rendered and encoded once."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from r1v3.data.records import Record, read_records, render_question
from r1v3.model.encode import Encoded, EncodedOnDisk, Encoder
from r1v3.model.prompt_template import render_prompt
from r1v3.recipe.schema.data import Mode
from r1v3.recipe.schema.recipe import Template

# Bytes of tiles that a process keeps in memory, and number of prompts that are encoded together.
KEPT_TILES, ENCODED_AT_ONCE = 8 * 2**30, 1024


@dataclass(frozen=True)
class Prompt:
    """A question that is encoded and ready for the engine."""

    record: Record
    text: str
    encoded: Encoded | EncodedOnDisk
    pictures: tuple[Path, ...] = ()


def load_prompts(
    folder: Path, encoder: Encoder, template: Template, mode: Mode, instruction: str | None = None
) -> list[Prompt]:
    """Load and encode every record of a data set as a prompt.

    Args:
        folder: folder of the data set.
        instruction: text that follows each question on a line of its own.
    """
    records = read_records(folder)
    suffix = f"\n{instruction}" if instruction else ""
    questions = [render_question(r.question, r.options, len(r.images)) + suffix for r in records]
    texts = [render_prompt(template, question, mode) for question in questions]
    pictures = [tuple(Path(folder) / image for image in record.images) for record in records]
    encoded = encode_prompts(texts, pictures, encoder)
    return [Prompt(*parts) for parts in zip(records, texts, encoded, pictures)]


def encode_prompts(
    texts: list[str], pictures: list[tuple[Path, ...]], encoder: Encoder, keep: int = KEPT_TILES
) -> list[Encoded | EncodedOnDisk]:
    """Encode prompts. Their tiles stay in memory up to `keep` bytes; the rest is read from disk when needed.

    15,000 questions of 7 tiles would take 250 GB. A picture that stays on disk is decoded once here, to find
    out whether it can be. Its header tells how many tiles it gives.
    """
    encoded: list[Encoded | EncodedOnDisk] = []
    size = 0
    with ThreadPoolExecutor(thread_name_prefix="encode") as threads:
        for first in range(0, len(texts), ENCODED_AT_ONCE):
            part = slice(first, first + ENCODED_AT_ONCE)
            shown, own = texts[part], [list(each) for each in pictures[part]]
            counts = list(threads.map(encoder.tile_counts, own))
            size += sum(map(sum, counts)) * encoder.processor.unit_bytes
            if size <= keep:
                encoded += encoder.prompts(shown, own)
                continue
            list(threads.map(encoder.check, own))
            ids = encoder.prompt_ids(shown, counts)
            encoded += [EncodedOnDisk(i, encoder, each) for i, each in zip(ids, pictures[part])]
    return encoded
