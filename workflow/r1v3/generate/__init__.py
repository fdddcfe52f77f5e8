"""One interface to every engine that answers questions about pictures."""

from pathlib import Path

from r1v3.generate.types import Engine, Request, Response, Sampling

__all__ = ["Engine", "Request", "Response", "Sampling", "load_engine"]


def load_engine(generation: dict, images: dict, model_folder: Path) -> Engine:
    """Load the engine that the recipe names for a checkpoint folder.

    Raises:
        ValueError: the engine is unknown.
    """
    if generation["engine"] == "transformers":
        from r1v3.generate.transformers_engine import TransformersEngine
        from r1v3.model.encode import Encoder
        from r1v3.model.load import load_model, load_processor

        model = load_model(model_folder).eval()
        return TransformersEngine(model, Encoder(load_processor(model_folder), images))
    raise ValueError(f"generation.engine must be transformers, not {generation['engine']!r}")
