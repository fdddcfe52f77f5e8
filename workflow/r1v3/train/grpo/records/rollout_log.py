"""Writes rollouts as one compressed Parquet file a step. `rollout_page` shows them."""

from collections.abc import Sequence
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import torch

from r1v3.base.atomic_write import atomic_write
from r1v3.base.seeding import stable_seed
from r1v3.train.entropy.critical import CriticalTokens
from r1v3.train.grpo.sampling.collect import Graded, groups_of
from r1v3.train.grpo.sampling.rollouts import Episode

SCHEMA = pa.schema(
    [
        ("step", pa.int32()),
        ("prompt", pa.string()),
        ("sample", pa.int32()),
        ("text", pa.string()),
        ("token_ids", pa.list_(pa.int32())),
        ("logprobs", pa.list_(pa.float32())),
        ("critical_positions", pa.list_(pa.int32())),
        ("critical_entropies", pa.list_(pa.float32())),
        ("reward", pa.float32()),
        ("accuracy", pa.float32()),
        ("format", pa.float32()),
        ("by", pa.string()),
        ("reason", pa.string()),
        ("finish", pa.string()),
        ("used", pa.bool_()),
    ]
)

SCORE = pa.field("score", pa.float32())  # only if a reward model is part of the reward


def write_rollouts(
    folder: Path,
    step: int,
    episode: Episode,
    entropy_N: torch.Tensor,
    critical: CriticalTokens,
    *,
    share: float,
    seed: int,
    unused: Sequence[Graded] = (),
) -> Path | None:
    """Write rollouts of a step. All samples of a prompt are written together, so they can be compared.

    Args:
        step: from 1.
        entropy_N: entropy at every sampled token of the episode, nats.
        critical: finds the critical tokens, whose entropies are written.
        share: share of the prompts to write, chosen by a hash of seed, step and prompt; 0 writes nothing.
        unused: groups that were sampled but not learned from. Their entropies are unknown.

    Returns:
        The file `step-000001.parquet`, written atomically; None if nothing is written.
    """
    groups = [(group, True) for group in groups_of(episode)] + [(group, False) for group in unused]
    rows: list[dict[str, object]] = []
    first = 0
    for group, used in groups:
        prompt = group.prompt.record.id
        kept = stable_seed(seed, step, prompt) < share * 2**63
        for m, response in enumerate(group.responses):
            if kept:
                places = critical.words(response.token_ids)
                entropies = [float(entropy_N[first + place]) for place in places] if used else None
                rows.append(
                    {
                        "step": step,
                        "prompt": prompt,
                        "sample": m,
                        "text": response.text,
                        "token_ids": response.token_ids,
                        "logprobs": response.logprobs,
                        "critical_positions": places,
                        "critical_entropies": entropies,
                        "reward": float(group.reward_M[m]),
                        "accuracy": float(group.accuracy_M[m]),
                        "format": float(group.format_M[m]),
                        "by": group.reasons[m][0],
                        "reason": group.reasons[m][1],
                        "finish": response.finish_reason,
                        "used": used,
                    }
                )
                if group.score_M is not None:
                    rows[-1]["score"] = float(group.score_M[m])
            first += len(response.token_ids)
    if not rows:
        return None
    path = folder / f"step-{step:06d}.parquet"
    schema = SCHEMA if episode.score_GM is None else SCHEMA.append(SCORE)
    with atomic_write(path) as partial:
        pq.write_table(pa.Table.from_pylist(rows, schema), partial, compression="zstd")
    return path
