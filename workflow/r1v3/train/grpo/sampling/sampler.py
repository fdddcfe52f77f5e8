"""The engine that samples for the policy: the model itself, a copy of it, or vLLM beside the trainer.

Neighbouring processes form a team. A team has as many processes as vLLM uses accelerators
(`layout.grpo.tensor_parallel`), or all processes of a node. The first process of each team opens vLLM on the
team's accelerators and samples the team's share of the prompts. vLLM sleeps while the policy learns, so that
both fit on the same accelerators. After each update it takes the new weights and clears every cache that the
old weights filled. Then the hash of its connector is compared with the trainer's. Without that check, stale
picture embeddings would give wrong tokens and no error.

With overlapped rollouts, each process has its own engine in a separate process, which samples during updates.
"""

from pathlib import Path
from typing import TypeVar

import torch
from transformers import PreTrainedModel

from r1v3.generate import PolicyEngine
from r1v3.generate.apart.engine import EngineApart
from r1v3.generate.apart.opening import Opening
from r1v3.generate.in_process.engine import TransformersEngine
from r1v3.generate.vllm.engine import open_vllm
from r1v3.generate.vllm.start import tensor_parallel
from r1v3.model.encode import Encoder
from r1v3.model.load import load_model
from r1v3.recipe.graph.configs import GrpoConfig, ProbeConfig
from r1v3.recipe.schema.training import Parallel
from r1v3.train.core.device_memory import empty_cache, free_device_memory
from r1v3.train.core.engine import Dtype, TrainingEngine
from r1v3.train.core.ranks import Ranks
from r1v3.train.grpo.sampling.shared_weights import SharedWeights

Item = TypeVar("Item")


class OwnModel:
    """The model that learns also samples. Each process asks its share of the prompts."""

    def __init__(self, model: PreTrainedModel, encoder: Encoder, ranks: Ranks):
        self.engine, self.ranks = TransformersEngine(model, encoder), ranks

    def share(self, prompts: list[Item]) -> list[Item]:
        """Return the prompts that this process asks."""
        return self.ranks.share(prompts)

    def offload(self) -> None:
        """Make room for an update: switch the model back to its training mode."""
        self.engine.offload()

    def sync_weights(self, policy: TrainingEngine) -> None:
        """Make the model ready to sample. It is the policy, so it has the weights already."""
        self.engine.model.eval()


class CopyOfModel(OwnModel):
    """Every process samples with a copy of the whole model, because the training weights are sharded."""

    def sync_weights(self, policy: TrainingEngine) -> None:
        """Copy the policy's weights; they are gathered one tensor at a time."""
        self.engine.sync_weights(policy.weights())


class BesideTrainer:
    """An engine with its own weights, beside the trainer.

    Args:
        engine: the engine; None in all but the first process of each team.
        team: number of processes that share an engine.
    """

    def __init__(self, engine: PolicyEngine | None, ranks: Ranks, team: int):
        self.engine, self.ranks, self.team = engine, ranks, team

    def share(self, prompts: list[Item]) -> list[Item]:
        """Return the team's prompts in its first process, and an empty list in its others."""
        return self.ranks.share_of_team(prompts, self.team)

    def offload(self) -> None:
        """Give the accelerators' memory to the trainer."""
        if self.engine is not None:
            self.engine.offload()

    def sync_weights(self, policy: TrainingEngine) -> None:
        """Wake the engine with the policy's weights, after every rank has freed its memory.

        Raises:
            RuntimeError: the engine's connector differs from the policy's.
        """
        connector = policy.hashes(("connector",))["connector"]
        free_device_memory(policy)
        weights = SharedWeights(policy)
        if self.engine is None:
            weights.help()
            return
        received = self.engine.sync_weights(weights)
        if received != connector:
            raise RuntimeError(
                f"the engine's connector is not the trainer's: its hash is {received[:12]} and not "
                f"{connector[:12]}; grpo.dtype must be that of the start's checkpoint"
            )


class ApartFromTrainer(BesideTrainer):
    """Each training process has its own engine in a separate process, which samples during updates.

    `ranks` belong to the thread that waits for the engine, so its barriers do not mix with the trainer's.
    """

    def __init__(self, engine: EngineApart, ranks: Ranks):
        super().__init__(engine, ranks.beside("rollouts"), 1)
        self.close = engine.close


Sampler = OwnModel | BesideTrainer


def open_sampler(
    config: GrpoConfig | ProbeConfig,
    start: Path,
    model: PreTrainedModel,
    encoder: Encoder,
    ranks: Ranks,
    *,
    parallel: Parallel,
    dtype: Dtype,
) -> Sampler:
    """Open the engine that the recipe names.

    Args:
        start: the checkpoint that `model` was loaded from.
        parallel, dtype: settings of `model`.

    Raises:
        ValueError: the engine cannot take new weights from a training policy.
    """
    generation = config.generation
    if isinstance(config, GrpoConfig) and config.settings.overlapped:
        return open_apart(config, start, ranks)
    if generation.engine == "transformers":
        if parallel.zero != 3:
            return OwnModel(model.to(ranks.device), encoder, ranks)  # type: ignore[arg-type]
        copy = load_model(start, dtype=dtype, device=str(ranks.device))
        return CopyOfModel(copy, encoder, ranks)
    if generation.engine == "vllm":
        engine = None
        empty_cache()  # of memory that loading the model used
        ranks.wait()
        team = team_size(ranks, torch.cuda.device_count())
        if ranks.leads_team(team):
            engine = open_vllm(config.images, start, generation.thinking, first_gpu=ranks.gpu)
        return BesideTrainer(engine, ranks, team)
    raise ValueError(
        f"generation.engine must be transformers or vllm in RL, not {generation.engine!r}"
    )


def open_apart(config: GrpoConfig, start: Path, ranks: Ranks) -> ApartFromTrainer:
    """Open an engine in a separate process, with the weights of `start`.

    Raises:
        ValueError: the recipe's engine cannot sample while the policy learns.
    """
    if config.generation.engine != "transformers":
        raise ValueError(
            f"rollouts overlapped cannot sample with generation.engine {config.generation.engine}, which"
            " shares the trainer's accelerators; set generation.engine transformers, or rollouts on_policy"
        )
    opening = Opening(
        start,
        config.images,
        config.settings.dtype,
        str(ranks.device),
        torch.get_num_threads(),
        config.determinism == "exact",
    )
    return ApartFromTrainer(EngineApart(opening), ranks)


def team_size(ranks: Ranks, gpus: int) -> int:
    """Return how many processes share an engine: one for each accelerator, or a whole node without any.

    Args:
        gpus: number of GPUs that this process sees.

    Raises:
        ValueError: the processes of a node cannot be divided into such teams.
    """
    per_node = ranks.per_node or ranks.world
    if not gpus:
        return per_node
    team = min(per_node, tensor_parallel(gpus))
    if per_node % team:
        raise ValueError(
            f"R1V3_VLLM_TENSOR_PARALLEL must divide the {per_node} processes of a node, not be {team}"
        )
    return team
