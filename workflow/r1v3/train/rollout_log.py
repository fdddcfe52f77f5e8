"""Rollouts, kept: one compressed Parquet file a step, which `r1v3.train.browse` shows."""

import os
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from r1v3.train.critical import CriticalTokens
from r1v3.train.rollouts import Episode, stable_seed

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
    ]
)


def write_rollouts(
    folder: Path,
    step: int,
    episode: Episode,
    entropy_N,
    critical: CriticalTokens,
    *,
    share: float,
    seed,
) -> Path | None:
    """Keep a step's rollouts, whole groups at a time, so that samples can be compared.

    Args:
        entropy_N: of every sampled token of the episode, nats.
        share: of the prompts, drawn by a hash of seed, step and prompt; 0 keeps nothing.

    Returns:
        The file `step-000001.parquet`, written whole or not at all, or None where nothing is kept.
    """
    samples = len(episode.responses) // len(episode.prompts)
    rows, first = [], 0
    for n, response in enumerate(episode.responses):
        prompt, length = episode.prompts[n // samples].record.id, len(response.token_ids)
        if stable_seed(seed, step, prompt) < share * 2**63:
            places = critical.words(response.token_ids)
            rows.append(
                {
                    "step": step,
                    "prompt": prompt,
                    "sample": n % samples,
                    "text": response.text,
                    "token_ids": response.token_ids,
                    "logprobs": response.logprobs,
                    "critical_positions": places,
                    "critical_entropies": [float(entropy_N[first + place]) for place in places],
                    "reward": float(episode.reward_GM.flatten()[n]),
                    "accuracy": float(episode.accuracy_GM.flatten()[n]),
                    "format": float(episode.format_GM.flatten()[n]),
                    "by": episode.reasons[n][0],
                    "reason": episode.reasons[n][1],
                    "finish": response.finish_reason,
                }
            )
        first += length
    if not rows:
        return None
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"step-{step:06d}.parquet"
    partial = path.with_suffix(".partial")
    pq.write_table(pa.Table.from_pylist(rows, SCHEMA), partial, compression="zstd")
    os.replace(partial, path)
    return path
