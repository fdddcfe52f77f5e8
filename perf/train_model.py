"""Makes what `train.py` trains: an InternVL of random weights, and answered questions with noise pictures."""

import random
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "workflow"))

import torch  # noqa: E402
from PIL import Image  # noqa: E402
from transformers import InternVLConfig, InternVLForConditionalGeneration, Qwen2Config  # noqa: E402
from transformers.models.internvl.configuration_internvl import InternVLVisionConfig  # noqa: E402

from r1v3.data.records import Record, write_records  # noqa: E402
from r1v3.model.load import save_checkpoint  # noqa: E402
from r1v3.model.processor import build_processor  # noqa: E402
from r1v3.model.tokenizer import train_tokenizer  # noqa: E402

# Vision width, layers, heads, side; text width, layers, heads, key-value heads, feed-forward width; words.
# The last three are those of InternVL3, which is InternViT-300M followed by a Qwen2.5.
SHAPES = {
    "50M": ((384, 6, 6, 112), (512, 8, 8, 2, 1408), 32768),
    "1B": ((1024, 24, 16, 448), (896, 24, 14, 2, 4864), 151674),
    "2B": ((1024, 24, 16, 448), (1536, 28, 12, 2, 8960), 151674),
    "8B": ((1024, 24, 16, 448), (3584, 28, 28, 4, 18944), 151674),
}
SEED = 1


def build(folder: Path, shape: str, samples: int, longest: int) -> None:
    """Write a model of random weights, and answered questions with one picture each.

    Replies have from a sixteenth of `longest` to `longest` tokens, uniform on a logarithmic scale, like
    chains of thought.
    """
    (width, layers, heads, side), text, words = SHAPES[shape]
    vocabulary = [f"w{n}" for n in range(200)]
    tokenizer = train_tokenizer([" ".join(vocabulary)] * 3, 1000, 32768)
    tokens = (side // 28) ** 2
    processor = build_processor(tokenizer, image_size=side, tokens_per_tile=tokens)
    config = InternVLConfig(
        vision_config=InternVLVisionConfig(
            hidden_size=width,
            num_hidden_layers=layers,
            num_attention_heads=heads,
            intermediate_size=4 * width,
            image_size=side,
            patch_size=14,
            attention_bias=True,
        ),
        text_config=Qwen2Config(
            vocab_size=words,
            hidden_size=text[0],
            num_hidden_layers=text[1],
            num_attention_heads=text[2],
            num_key_value_heads=text[3],
            intermediate_size=text[4],
            max_position_embeddings=32768,
            tie_word_embeddings=shape != "8B",
            bos_token_id=None,
            eos_token_id=tokenizer.eos_token_id,
            pad_token_id=tokenizer.pad_token_id,
        ),
        image_token_id=processor.image_token_id,
        image_seq_length=tokens,
        tie_word_embeddings=shape != "8B",
    )
    torch.manual_seed(SEED)
    save_checkpoint(InternVLForConditionalGeneration(config), processor, folder / "start")
    draw = random.Random(SEED)
    (folder / "data" / "images").mkdir(parents=True)
    records = []
    for number in range(samples):
        path = Path("images") / f"{number}.png"
        pixels = draw.randbytes(side * side * 3)
        Image.frombytes("RGB", (side, side), pixels).save(folder / "data" / path)
        length = round(longest * 16 ** (draw.random() - 1))
        records.append(record(number, str(path), draw, length))
    write_records(folder / "data", records)


def record(number: int, picture: str, draw: random.Random, length: int) -> Record:
    """Return a question and a reply of meaningless words."""

    def words(count: int) -> str:
        return " ".join(f"w{draw.randrange(200)}" for _ in range(count))

    return Record(
        id=f"sample-{number}",
        question=words(10),
        options=None,
        answer="7",
        answer_type="fill",
        images=(picture,),
        domain="plain",
        difficulty="normal",
        language="en",
        source="random",
        licence="none",
        split="train",
        response=f"<think>{words(length // 2)}</think>7",
        meta={},
    )
