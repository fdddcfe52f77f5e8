"""Changes questions to find out what a score depends on. Table 1 uses none of these changes.

`shuffled`: the options are in another order, so that a letter learned by heart is wrong. `masked`: each
picture is grey, so that what is still right needs no picture (visual dependency). `partial`: only the
beginning of the question is given, without picture or options. A model that continues it word by word has
seen the benchmark. A question that a probe cannot change is asked unchanged, and counted.
"""

import hashlib
import random
from dataclasses import dataclass, replace
from difflib import SequenceMatcher
from pathlib import Path
from string import ascii_uppercase

from PIL import Image

from r1v3.base.atomic_write import atomic_write
from r1v3.evaluate.items.item import MARK, Item
from r1v3.evaluate.items.options import write_options
from r1v3.model.prompt_template import IMAGE_MARKER
from r1v3.recipe.graph.configs import Probe
from r1v3.recipe.tables.benchmarks import Benchmark

GREY = (128, 128, 128)
GIVEN = 0.6  # share of a question's words that are given
FEWEST_WORDS = 15  # a shorter question's end is not guessed
COMPLETED = 0.75  # share of the missing words, in their order, that counts as completed
CONTINUE = (
    "This is the beginning of a question. Continue it word by word as it goes on, and then answer"
    " it.\n\n{}"
)


@dataclass(frozen=True)
class Probed:
    """An item as a probe asks it, and whether that differs from the original."""

    item: Item
    changed: bool


def probe_item(item: Item, probe: Probe | None, entry: Benchmark, seed: int) -> Probed:
    """Change an item as a probe asks it. Right answers move with their options.

    Args:
        seed: decides the order of options. An item has the same order in every run and for every model.
    """
    if probe == "shuffled":
        return _shuffled(item, entry, seed)
    if probe == "partial":
        return _partial(item)
    return Probed(item, probe == "masked" and bool(item.images))


def _shuffled(item: Item, entry: Benchmark, seed: int) -> Probed:
    options = item.options
    if options is None or len(options) < 2 or not item.answer_type.startswith("mcq"):
        return Probed(item, False)
    block = MARK.sub(IMAGE_MARKER, write_options(options, entry.prompt))
    before, found, after = item.prompt.partition(block)
    if not found or not block or not all(option.strip() for option in options):
        return Probed(item, False)
    order = list(range(len(options)))
    digest = hashlib.sha256(f"{seed}/{item.key}".encode()).digest()
    random.Random(digest).shuffle(order)
    moved = tuple(options[place] for place in order)
    written = MARK.sub(IMAGE_MARKER, write_options(moved, entry.prompt))
    new = {ascii_uppercase[old]: ascii_uppercase[now] for now, old in enumerate(order)}
    golds = tuple("".join(sorted(new[letter] for letter in gold)) for gold in item.golds)
    images = _moved_images(item, before.count(IMAGE_MARKER), options, order)
    changes = {"prompt": before + written + after, "golds": golds, "options": moved}
    return Probed(replace(item, images=images, **changes), order != sorted(order))


def _moved_images(
    item: Item, first: int, options: tuple[str, ...], order: list[int]
) -> tuple[int, ...]:
    """Return the pictures in the order of their marks, if options contain pictures."""
    counts = [len(MARK.findall(option)) for option in options]
    starts = [first + sum(counts[:place]) for place in range(len(options))]
    inside = [
        item.images[starts[place] + number] for place in order for number in range(counts[place])
    ]
    return (*item.images[:first], *inside, *item.images[first + len(inside) :])


def _partial(item: Item) -> Probed:
    given, missing = split_question(item)
    if not missing:
        return Probed(item, False)
    return Probed(replace(item, prompt=CONTINUE.format(given), images=()), True)


def split_question(item: Item) -> tuple[str, str]:
    """Split a question into the words that are given and those to guess; a short one has none to guess."""
    words = MARK.sub("", item.question).split()
    if len(words) < FEWEST_WORDS:
        return " ".join(words), ""
    cut = round(GIVEN * len(words))
    return " ".join(words[:cut]), " ".join(words[cut:])


def is_completed(item: Item, response: str) -> bool:
    """Return whether an answer has the missing words in their order, except for at most a quarter."""
    missing = split_question(item)[1].lower().split()
    if not missing:
        return False
    said = response.lower().split()
    blocks = SequenceMatcher(None, missing, said, autojunk=False).get_matching_blocks()
    return sum(block.size for block in blocks) >= COMPLETED * len(missing)


def masked_pictures(pictures: list[Path], folder: Path) -> list[Path]:
    """Return for each picture a grey one of its size, written below `folder`."""
    return [_grey(path, folder / "masked") for path in pictures]


def probed_pictures(
    plain: Item, item: Item, pictures: list[Path], probe: Probe | None, folder: Path
) -> list[Path]:
    """Return the files of a probed item's pictures."""
    if item.images != plain.images:
        pictures = [pictures[plain.images.index(number)] for number in item.images]
    return masked_pictures(pictures, folder) if probe == "masked" else pictures


def _grey(path: Path, folder: Path) -> Path:
    with Image.open(path) as image:
        size = image.size
    target = folder / f"{size[0]}x{size[1]}.png"
    if not target.exists():
        with atomic_write(target) as partial:
            Image.new("RGB", size, GREY).save(partial, "PNG")
    return target
