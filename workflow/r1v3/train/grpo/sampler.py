"""Who samples for the policy that learns: the model itself, a copy of it, or vLLM beside it.

vLLM is opened by the first process of each node, over as many of its accelerators as it is told to, and
answers the node's share of the prompts; while the policy learns it sleeps, so that both fit on the same ones.
After each update it gets the new weights and loses every cache of the old ones, and the hash of the connector
that it then holds is compared with the trainer's: stale embeddings of pictures give wrong tokens without an
error.
"""

from pathlib import Path

from r1v3.generate import PolicyEngine
from r1v3.generate.in_process.engine import TransformersEngine
from r1v3.generate.vllm.engine import open_vllm
from r1v3.model.encode import Encoder
from r1v3.model.load import load_model
from r1v3.recipe.graph.configs import Answering
from r1v3.recipe.schema.recipe import Images
from r1v3.train.core.ranks import Ranks


class OwnModel:
    """The model that learns writes the answers too, each process its share."""

    def __init__(self, model, encoder: Encoder, ranks: Ranks):
        self.engine, self.ranks = TransformersEngine(model, encoder), ranks

    def share(self, prompts: list) -> list:
        """The prompts that this process asks."""
        return self.ranks.share(prompts)

    def offload(self) -> None:
        """Make room for an update: back to the mode in which the model learns."""
        self.engine.offload()

    def sync_weights(self, policy) -> None:
        """Take the new weights; they are its own."""
        self.engine.model.eval()


class CopyOfModel(OwnModel):
    """Every process samples with a whole copy, where the weights that learn are sharded."""

    def sync_weights(self, policy) -> None:
        """Take the new weights, gathered one at a time."""
        self.engine.sync_weights(policy.weights())


class BesideTrainer:
    """An engine with weights of its own.

    Args:
        engine: None but in each node's first process.
    """

    def __init__(self, engine: PolicyEngine | None, ranks: Ranks):
        self.engine, self.ranks = engine, ranks

    def share(self, prompts: list) -> list:
        """The node's prompts in its first process, none in the others."""
        return self.ranks.share_of_node(prompts)

    def offload(self) -> None:
        """Give the accelerators' memory to the trainer."""
        if self.engine is not None:
            self.engine.offload()

    def sync_weights(self, policy) -> None:
        """Wake with the policy's weights.

        Raises:
            RuntimeError: the engine's connector is not the policy's.
        """
        connector = policy.hashes(("connector",))["connector"]
        if self.engine is None:
            for _ in policy.weights():  # all help to gather them
                pass
            return
        told = self.engine.sync_weights(policy.weights())
        if told != connector:
            raise RuntimeError(
                "the engine's connector is not the trainer's: its hash is "
                f"{told[:12]} and not {connector[:12]}; grpo.dtype must be that of the start's checkpoint"
            )


def open_sampler(
    document: dict, start: Path, settings: dict, model, encoder: Encoder, ranks: Ranks
) -> OwnModel | BesideTrainer:
    """The engine that the recipe names.

    Args:
        start: the checkpoint that `model` was loaded from.
        settings: the section with the model's `dtype` and `parallel`.

    Raises:
        ValueError: it is none that can follow a policy that learns.
    """
    generation = document["generation"]
    if generation["engine"] == "transformers":
        if settings["parallel"]["zero"] != 3:
            return OwnModel(model.to(ranks.device), encoder, ranks)
        copy = load_model(start, dtype=settings["dtype"], device=ranks.device)
        return CopyOfModel(copy, encoder, ranks)
    if generation["engine"] == "vllm":
        thinking = Answering.model_validate(generation).thinking
        images = Images.model_validate(document["images"])
        engine = open_vllm(images, start, thinking) if ranks.leads else None
        return BesideTrainer(engine, ranks)
    raise ValueError(
        f"generation.engine must be transformers or vllm in RL, not {generation['engine']!r}"
    )
