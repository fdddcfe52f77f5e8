"""Saves complete episodes, so that a killed run samples none of them again.

The files are in `resume/` beside the states, one Parquet file a step. A newer state makes them superfluous.
"""

import hashlib
import io
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import torch

from r1v3.base.atomic_write import write_bytes, write_text
from r1v3.generate.types import Response
from r1v3.train.grpo.records.rollout_log import SCORE
from r1v3.train.grpo.resume.saved_samples import delete_samples
from r1v3.train.grpo.sampling.collect import Collected, episode_of, groups_of
from r1v3.train.grpo.sampling.prompts import Prompt
from r1v3.train.grpo.sampling.rollouts import Episode

SCHEMA = pa.schema(
    [
        ("prompt", pa.string()),
        ("sample", pa.int32()),
        ("text", pa.string()),
        ("token_ids", pa.list_(pa.int32())),
        ("logprobs", pa.list_(pa.float32())),
        ("finish_reason", pa.string()),
        ("prompt_tokens", pa.int32()),
        ("accuracy", pa.float32()),
        ("format", pa.float32()),
        ("reward", pa.float32()),
        ("by", pa.string()),
        ("reason", pa.string()),
        ("used", pa.bool_()),
    ]
)
VALUES = ("accuracy", "format", "reward")


def save_episode(folder: Path, step: int, collected: Collected) -> None:
    """Write a step's episode and its unused groups atomically, before the policy changes.

    Afterwards the saved samples of that step are deleted.
    """
    episode, used = collected.episode, len(collected.episode.responses)
    if collected.unused:
        episode = episode_of(groups_of(episode) + collected.unused)
    responses = episode.responses
    columns: dict[str, Sequence[Any]] = {
        name: [getattr(response, name) for response in responses]
        for name in ("sample", "text", "token_ids", "logprobs", "finish_reason", "prompt_tokens")
    }
    columns["prompt"] = [response.key for response in responses]
    for name in VALUES:
        columns[name] = getattr(episode, f"{name}_GM").flatten().tolist()
    columns["by"], columns["reason"] = zip(*episode.reasons)
    columns["used"] = [n < used for n in range(len(responses))]
    counts = {name: str(value) for name, value in collected.counts.items()}
    schema = SCHEMA
    if episode.score_GM is not None:
        schema, columns["score"] = SCHEMA.append(SCORE), episode.score_GM.flatten().tolist()
    table = pa.table(
        [pa.array(columns[field.name], field.type) for field in schema],
        schema=schema.with_metadata(counts | {"drawn": str(collected.drawn)}),
    )
    buffer = io.BytesIO()
    pq.write_table(table, buffer, compression="zstd", compression_level=1)
    _write(path_of(folder, step), buffer.getvalue())
    delete_samples(folder, through=step)


def episode_bytes(folder: Path, step: int) -> torch.Tensor:
    """Return the bytes of a step's saved episode as a tensor, so that a state can hold them."""
    return torch.frombuffer(bytearray(path_of(folder, step).read_bytes()), dtype=torch.uint8)


def write_episode_bytes(folder: Path, step: int, content: torch.Tensor) -> None:
    """Write the bytes of a step's episode to the file that `restore_episode` reads."""
    _write(path_of(folder, step), content.numpy().tobytes())


def restore_episode(folder: Path, step: int, prompts: dict[str, Prompt]) -> Collected | None:
    """Return the episode of a step that a killed run had saved; None if there is none.

    A damaged file is reported and ignored, so the step is sampled again.

    Args:
        prompts: the run's prompts, by the ids of their records.
    """
    data = _intact_bytes(path_of(folder, step))
    if data is None:
        return None
    table = pq.read_table(io.BytesIO(data))
    rows = table.to_pylist()
    samples = max(row["sample"] for row in rows) + 1
    shape = (len(rows) // samples, samples)
    responses = [
        Response(
            key=row["prompt"],
            sample=row["sample"],
            text=row["text"],
            token_ids=tuple(row["token_ids"]),
            logprobs=tuple(row["logprobs"]),
            finish_reason=row["finish_reason"],
            prompt_tokens=row["prompt_tokens"],
        )
        for row in rows
    ]
    values = {n: torch.tensor([row[n] for row in rows]).view(shape) for n in VALUES}
    episode = Episode(
        [prompts[row["prompt"]] for row in rows[::samples]],
        responses,
        values["accuracy"],
        values["format"],
        values["reward"],
        [(row["by"], row["reason"]) for row in rows],
        torch.tensor([row["score"] for row in rows]).view(shape) if "score" in rows[0] else None,
    )
    counts = {name.decode(): int(value) for name, value in table.schema.metadata.items()}
    groups, used = groups_of(episode), sum(row["used"] for row in rows[::samples])
    unused = groups[used:]
    episode = episode_of(groups[:used]) if unused else episode
    return Collected(episode, counts.pop("drawn"), counts, unused)


def delete_episodes(folder: Path, through: int) -> None:
    """Delete the episodes and samples of the steps up to `through`, which a saved state covers."""
    for path in sorted(Path(folder).glob("episode-*.parquet")):
        if int(path.stem.rpartition("-")[2]) <= through:
            path.unlink()
            _seal_of(path).unlink(missing_ok=True)
    delete_samples(folder, through)


def path_of(folder: Path, step: int) -> Path:
    """Return the file of a step's episode."""
    return Path(folder) / f"episode-{step:06d}.parquet"


def _write(path: Path, data: bytes) -> None:
    write_text(_seal_of(path), hashlib.sha256(data).hexdigest())
    write_bytes(path, data)


def _seal_of(path: Path) -> Path:
    """Return the file that holds the sha256 of an episode file."""
    return path.with_suffix(".sha256")


def _intact_bytes(path: Path) -> bytes | None:
    """Return the bytes of an episode file; None if it is missing or damaged."""
    if not path.exists():
        return None
    try:
        data, recorded = path.read_bytes(), _seal_of(path).read_text()
    except (OSError, ValueError):
        data, recorded = b"", ""
    if hashlib.sha256(data).hexdigest() == recorded:
        return data
    print(f"{path} is damaged; its step is sampled again", flush=True)
    return None
