"""Makes what `grpo.py` trains: an InternVL of random weights, and questions about drawn pictures."""

import sys
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "workflow"))

from r1v3.data.prepare import prepare  # noqa: E402
from r1v3.data.records import read_records  # noqa: E402
from r1v3.model.load import build_model, save_checkpoint  # noqa: E402
from r1v3.model.processor import build_processor  # noqa: E402
from r1v3.model.tokenizer import train_tokenizer  # noqa: E402
from r1v3.recipe.graph.configs import SourceDataConfig  # noqa: E402
from r1v3.recipe.load import load_project  # noqa: E402
from r1v3.recipe.schema.data import Architecture  # noqa: E402
from r1v3.recipe.schema.recipe import Images, Template  # noqa: E402

SEED = 1
TEMPLATE = Template(
    system="You are a helpful assistant.", user_role="human", assistant_role="assistant"
)
IMAGES = Images(min_tiles=1, max_tiles=1, max_pixels=10**7)
TINY = Architecture(
    image_size=56,
    patch_size=14,
    vision_width=64,
    vision_layers=2,
    vision_heads=4,
    width=128,
    layers=3,
    heads=4,
    kv_heads=2,
    mlp_width=256,
    vocabulary=800,
    context=512,
    initial_spread=0.08,
)
WIDE = TINY.model_copy(update={"width": 256, "mlp_width": 512, "layers": 4, "initial_spread": 0.02})
LARGE = {
    "image_size": 448,
    "vision_width": 1024,
    "vision_layers": 24,
    "vision_heads": 16,
    "context": 32768,
    "initial_spread": 0.02,
}
WIDTH_896 = {"width": 896, "layers": 24, "heads": 14, "mlp_width": 4864}
WIDTH_1536 = {"width": 1536, "layers": 28, "heads": 12, "mlp_width": 8960}


@dataclass(frozen=True)
class Load:
    """A model's sizes, and the sizes of a step; `words` is a vocabulary larger than that of the text."""

    sizes: Architecture
    prompts: int
    samples: int
    tokens: int
    dtype: str = "float32"
    words: int | None = None


# The tiny recipe's model and step; a vocabulary of 151,674; InternVL3's shapes of 1B and 2B.
LOADS = {
    "tiny": Load(TINY, 32, 8, 64),
    "151k": Load(WIDE, 8, 4, 32, words=151_674),
    "1B": Load(
        TINY.model_copy(update=LARGE | WIDTH_896),
        16, 16, 1024, "bfloat16", 151_674,
    ),
    "2B": Load(
        TINY.model_copy(update=LARGE | WIDTH_1536),
        16, 16, 1024, "bfloat16", 151_674,
    ),
}  # fmt: skip
QUESTIONS = {
    "kind": "world",
    "tasks": {"sum": 1, "largest": 1, "even": 1},
    "forms": {"mcq": 1, "fill": 2},
    "domains": {"mathematics": 1},
    "instances": "train",
    "respond": "none",
    "slip_rate": 0.0,
    "told": 0.0,
    "seed": SEED,
}


def build(folder: Path, shape: str, steps: int) -> None:
    """Write a model of random weights, and as many questions as the steps need."""
    load = LOADS[shape]
    recipe = load_project(ROOT, "tiny").recipe
    questions = recipe.data["math_normal"].model_dump() | {"contaminated": None}
    questions |= {"source": QUESTIONS, "size": steps * load.prompts}
    cleaning = recipe.cleaning.model_dump()
    known = {"version": 1, "name": "questions", "seed": SEED, "cleaning": cleaning}
    prepare(SourceDataConfig.model_validate(known | {"set": questions}), folder / "data")
    texts = [record.question for record in read_records(folder / "data")]
    tokenizer = train_tokenizer([*texts, "Wait, max"], load.sizes.vocabulary, load.sizes.context)
    side = load.sizes.image_size
    tokens = (side // load.sizes.patch_size // 2) ** 2
    processor = build_processor(tokenizer, image_size=side, tokens_per_tile=tokens)
    model = build_model(load.sizes, tokenizer, seed=SEED)
    if load.words:
        model.resize_token_embeddings(load.words, mean_resizing=False)
    save_checkpoint(model, processor, folder / "start")
