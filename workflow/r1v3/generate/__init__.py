"""One interface to every engine that answers questions about pictures."""

from pathlib import Path

from r1v3.generate.server.serving import Serving
from r1v3.generate.types import Engine, PolicyEngine, Request, Response, Sampling
from r1v3.recipe.graph.configs import Answering
from r1v3.recipe.schema.recipe import Images

__all__ = ["Engine", "PolicyEngine", "Request", "Response", "Sampling", "load_engine"]


def load_engine(
    generation: Answering, images: Images, model: Path | str, serving: Serving | None = None
) -> Engine:
    """Load the engine that the recipe names for a model.

    Args:
        generation: names the engine. `thinking` has what a thinking mode changes besides the template (see
            `r1v3.generate.thinking`).
        images: how a picture becomes tiles.
        model: a checkpoint folder; for a server, the name by which it knows the model.
        serving: where a server's answers are kept and what they cost; other engines need none.

    Raises:
        ValueError: the engine cannot be opened here. The message says what is missing.
    """
    thinking = generation.thinking
    if generation.engine == "transformers":
        from r1v3.generate.in_process.engine import TransformersEngine
        from r1v3.generate.thinking import Thinking
        from r1v3.model.encode import Encoder
        from r1v3.model.load import load_model, load_processor

        folder = Path(model)
        loaded = load_model(folder).eval()
        encoder = Encoder(load_processor(folder), images)
        return TransformersEngine(loaded, encoder, thinking=Thinking(thinking, encoder.tokenizer))
    if generation.engine == "server":
        from r1v3.generate.server.start import open_server

        return open_server(images, model, thinking, serving)
    from r1v3.generate.vllm.engine import open_vllm

    return open_vllm(images, Path(model), thinking)
