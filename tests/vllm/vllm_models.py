"""Makes small checkpoints that vLLM can run on a CPU, where its attention needs heads of 32 features."""

from pathlib import Path

from model_fixtures import SIZES, small_processor

from r1v3.model.load import build_model, save_checkpoint

LARGER = SIZES.model_copy(
    update={"width": 64, "heads": 2, "kv_heads": 1, "mlp_width": 96, "context": 2048}
)


def model_of(seed: int):
    """Return a new model; equal seeds give equal weights."""
    return build_model(LARGER, small_processor().tokenizer, seed=seed).eval()


def write(folder: Path, seed: int) -> Path:
    """Write a checkpoint folder of that model."""
    save_checkpoint(model_of(seed), small_processor(), folder)
    return folder
