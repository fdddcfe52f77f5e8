"""The parity check before RL and evaluation at scale: do vLLM and the trained model agree?

vLLM answers a few prompts greedily. Then the model itself, in transformers, computes the log-probability of
each token of prompt and answer. If ids, image tokens or tiles differ, or a log-probability differs by more
than the recipe allows, later stages would learn from, or measure, another model.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict, dataclass
from multiprocessing import get_context
from pathlib import Path
from typing import TYPE_CHECKING

from PIL import Image

from r1v3.base.atomic_write import write_text
from r1v3.base.determinism import make_exact
from r1v3.base.json_file import read_model_json
from r1v3.generate.types import Request, Response, Sampling
from r1v3.model.prompt_template import render_prompt
from r1v3.recipe.graph.configs import ShownConfig
from r1v3.recipe.schema.recipe import Images, Template

if TYPE_CHECKING:  # torch is imported only in functions that use the model
    from transformers import PreTrainedModel

    from r1v3.model.encode import Encoder

QUESTION = "What is the sum of 3 and 4? A. 7 B. 8"
ROOM = 0.8  # share of an accelerator's free memory that weights may use
LONG = "First 3+4=7. Wait, is it? Alternatively, 4+3=7, and so on. " * 10


@dataclass(frozen=True)
class Answered:
    """A request, the ids that vLLM made of its prompt, and its greedy response."""

    request: Request
    prompt_ids: tuple[int, ...]
    response: Response


@dataclass(frozen=True)
class ParityCase:
    """The results of both engines for one case; `gap` is the largest difference over all tokens, in nats."""

    case: str
    same_prompt: bool
    image_tokens: tuple[int, int]
    tiles: int
    tokens: int
    gap: float


class Disagreement(ValueError):
    """The engines disagree by more than the recipe allows."""


def cases(template: Template, *, side: int, max_pixels: int) -> Iterator[Request]:
    """Yield the cases: text, one tile, tiles of a wide and of a high picture, two pictures, a long prompt.

    Args:
        side: side of a tile, pixels.
        max_pixels: most pixels of a picture; a larger one would be refused.
    """
    area = min(6 * side * side, max_pixels)
    wide, high = _noise(1, area, 3.0), _noise(2, area, 0.4)
    square = _noise(3, min(side * side, max_pixels), 1.0)
    shown = {
        "text": (QUESTION, ()),
        "single tile": (f"<image>\n{QUESTION}", (square,)),
        "wide picture": (f"<image>\n{QUESTION}", (wide,)),
        "high picture": (f"<image>\n{QUESTION}", (high,)),
        "two pictures": (f"<image> and <image>\n{QUESTION}", (wide, square)),
        "long prompt": (f"<image>\n{LONG}{QUESTION}", (square,)),
    }
    for name, (text, pictures) in shown.items():
        yield Request(name, render_prompt(template, text, "slow"), pictures, seed=1)


def _noise(seed: int, area: int, aspect: float) -> Image.Image:
    import numpy as np

    width = int((area * aspect) ** 0.5)
    height = max(1, int(area // width))
    pixels = np.random.default_rng(seed).integers(0, 256, (height, width, 3), dtype=np.uint8)
    return Image.fromarray(pixels)


def ask_vllm(folder: Path, images: Images, template: Template, tokens: int) -> list[Answered]:
    """Ask vLLM all cases, in a separate process, which frees the accelerator when it ends."""
    from r1v3.generate.vllm.engine import open_vllm

    engine = open_vllm(images, folder, None)
    found = []
    side = engine.encoder.processor.side
    for request in cases(template, side=side, max_pixels=images.max_pixels):
        (response,) = next(engine.generate([request], Sampling(0.0, 1.0, tokens)))
        if response.error:
            raise Disagreement(f"vLLM does not answer the case '{request.key}': {response.error}")
        found.append(Answered(request, engine.prompt_ids(request), response))
    return found


def compare_engines(
    model: PreTrainedModel, encoder: Encoder, answered: list[Answered]
) -> list[ParityCase]:
    """Compute every prompt and token with the model itself; one forward pass a case."""
    import torch

    from r1v3.model.families import family_of

    image_id = encoder.processor.image_token_id
    family, found = family_of(model.config), []
    for each in answered:
        encoded = encoder.prompt(each.request.prompt, list(each.request.images))
        ids = torch.tensor([[*encoded.prompt_ids, *each.response.token_ids]], device=model.device)
        shown = family.inputs(ids[0].tolist(), encoded.tiles)
        inputs = {
            name: each.to(model.device, model.dtype if each.is_floating_point() else None)
            for name, each in shown.items()
        }
        with torch.no_grad():
            new = len(each.response.token_ids)
            logits = model(input_ids=ids, **inputs, logits_to_keep=new + 1).logits
        logits = logits[0, :-1].float()
        logits[:, list(encoder.never)] = -torch.inf
        logp = logits.log_softmax(-1)[range(new), list(each.response.token_ids)]
        sampled = torch.tensor(each.response.logprobs, device=logp.device)
        shown = (encoded.prompt_ids.count(image_id), each.prompt_ids.count(image_id))
        found.append(
            ParityCase(
                each.request.key,
                encoded.prompt_ids == tuple(each.prompt_ids),
                shown,
                len(encoded.tiles),
                new,
                float((logp - sampled).abs().max()),
            )
        )
    return found


def check(found: list[ParityCase], max_gap: float) -> None:
    """Check that all cases agree.

    Raises:
        Disagreement: the message names each case that differs, and how.
    """
    wrong = []
    for each in found:
        if each.image_tokens[0] != each.image_tokens[1]:
            ours, theirs = each.image_tokens
            wrong.append(f"{each.case}: {ours} image tokens in transformers, {theirs} in vLLM")
        elif not each.same_prompt:
            wrong.append(f"{each.case}: the prompt has other token ids in vLLM")
        elif not each.gap <= max_gap:  # NaN counts as disagreement
            wrong.append(f"{each.case}: log-probabilities differ by {each.gap:.4f} nats")
    if wrong:
        raise Disagreement(
            f"vLLM and transformers disagree (generation.parity.max_gap allows {max_gap} nats): "
            + "; ".join(wrong)
        )


def gate(config: ShownConfig, *, model: Path, max_gap: float, tokens: int, output: Path) -> None:
    """Compare the engines on a checkpoint folder, and write the results if they agree.

    Args:
        config: config of the run, whose template and images are used.

    Raises:
        Disagreement: the engines do not agree.
    """
    from r1v3.model.encode import Encoder
    from r1v3.model.load import load_processor

    if not isinstance(config.template, Template):
        raise ValueError(f"{config.name}: its model keeps its own template")
    if config.determinism == "exact":
        make_exact()
    asked = (model, config.images, config.template, tokens)
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as process:
        answered = process.submit(ask_vllm, *asked).result()
    loaded = load_over_devices(model)
    found = compare_engines(loaded, Encoder(load_processor(model), config.images), answered)
    for each in found:
        print(f"{each.case}: {each.tiles} tiles, {each.tokens} tokens, gap {each.gap:.6f} nats")
    check(found, max_gap)
    write_text(output, json.dumps([asdict(each) for each in found], indent=1) + "\n")


def load_over_devices(folder: Path) -> PreTrainedModel:
    """Load a checkpoint in its own precision on one accelerator, on all, or on all cores of the job."""
    import torch

    from r1v3.model.load import load_model
    from r1v3.model.spread import spread

    torch.set_num_threads(len(os.sched_getaffinity(0)))
    saved = read_model_json(Path(folder) / "config.json")
    dtype = saved.get("dtype") or saved.get("torch_dtype") or "float32"
    model = load_model(folder, dtype=dtype).eval()
    size = sum(p.nbytes for p in model.parameters())
    count = torch.cuda.device_count()
    room = [ROOM * torch.cuda.mem_get_info(n)[0] for n in range(count)]
    if room and size < room[0]:
        return model.to("cuda")  # type: ignore[arg-type]
    try:
        if count > 1:
            spread(model, [torch.device("cuda", n) for n in range(count)], room)
    except ValueError as error:
        print(f"{error}; the model is asked on the processor", flush=True)
    return model
