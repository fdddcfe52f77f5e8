"""The engine that samples for the policy: the model itself, a copy of it, or vLLM beside the trainer.

Neighbouring processes make a team: as many as vLLM has accelerators (`layout.grpo.tensor_parallel`), or a
whole node. The first of each team opens vLLM over the team's accelerators, and it answers the team's share
of the prompts. It sleeps while the policy learns, so that both fit on the same accelerators. After each
update it gets the new weights and drops every cache of the old ones. Then the hash of its connector is
compared with the trainer's, because stale embeddings of pictures would give wrong tokens without an error.

With overlapped rollouts each process has an engine in a separate process, which samples during updates.
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
from r1v3.train.core.device_memory import empty_cache, give_back
from r1v3.train.core.engine import Dtype, TrainingEngine
from r1v3.train.core.ranks import Ranks
from r1v3.train.grpo.sampling.shared_weights import SharedWeights

Item = TypeVar("Item")


class OwnModel:
    """The model that learns also samples, each process its share of the prompts."""

    def __init__(self, model: PreTrainedModel, encoder: Encoder, ranks: Ranks):
        self.engine, self.ranks = TransformersEngine(model, encoder), ranks

    def share(self, prompts: list[Item]) -> list[Item]:
        """The prompts that this process asks."""
        return self.ranks.share(prompts)

    def offload(self) -> None:
        """Make room for an update: return the model to the mode in which it learns."""
        self.engine.offload()

    def sync_weights(self, policy: TrainingEngine) -> None:
        """Make the model ready to sample; it has the policy's weights already."""
        self.engine.model.eval()


class CopyOfModel(OwnModel):
    """Every process samples with a whole copy, because the weights that learn are sharded."""

    def sync_weights(self, policy: TrainingEngine) -> None:
        """Copy the policy's weights, gathered one at a time."""
        self.engine.sync_weights(policy.weights())


class BesideTrainer:
    """An engine with weights of its own.

    Args:
        engine: None in all but the first process of each team.
        team: processes that share an engine.
    """

    def __init__(self, engine: PolicyEngine | None, ranks: Ranks, team: int):
        self.engine, self.ranks, self.team = engine, ranks, team

    def share(self, prompts: list[Item]) -> list[Item]:
        """The team's prompts in its first process, none in its others."""
        return self.ranks.share_of_team(prompts, self.team)

    def offload(self) -> None:
        """Give the accelerators' memory to the trainer."""
        if self.engine is not None:
            self.engine.offload()

    def sync_weights(self, policy: TrainingEngine) -> None:
        """Wake the engine with the policy's weights, once every rank has given its memory back.

        Raises:
            RuntimeError: the engine's connector is not the policy's.
        """
        connector = policy.hashes(("connector",))["connector"]
        give_back(policy)
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
    """An engine in a process of its own for each process that learns; it samples while the policy learns.

    `ranks` are those of the thread that waits for it, so its meetings are none of the trainer's.
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
    """The engine that the recipe names.

    Args:
        start: the checkpoint that `model` was loaded from.
        parallel, dtype: of the model.

    Raises:
        ValueError: the engine cannot take a learning policy's weights.
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
        empty_cache()  # of what loading the model took
        ranks.wait()
        team = team_size(ranks, torch.cuda.device_count())
        if ranks.leads_team(team):
            engine = open_vllm(config.images, start, generation.thinking, first_gpu=ranks.gpu)
        return BesideTrainer(engine, ranks, team)
    raise ValueError(
        f"generation.engine must be transformers or vllm in RL, not {generation.engine!r}"
    )


def open_apart(config: GrpoConfig, start: Path, ranks: Ranks) -> ApartFromTrainer:
    """The engine in a process of its own, with the weights of `start`.

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
    """Processes that share an engine: one for each of its accelerators, all of a node without accelerators.

    Args:
        gpus: that this process sees.

    Raises:
        ValueError: a node's processes cannot be divided into such teams.
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
