"""Compare the transformers engine with plain `model.generate`, on an evaluation with five samples a question.

Both sides have the same model (the tiny recipe's sizes, random weights), the same questions with pictures,
the same number of rows at once, and one thread. Lengths vary, with a long tail, because both sides add the
same bias to the logit of the end token. Repeats alternate, and medians are compared. If `make test-vllm` has
made its environment, vLLM's gain from one shared prefill is measured too. Ends with one JSON line.

    .venv/bin/python perf/generate.py [--questions 96] [--repeats 5]
"""

import argparse
import json
import random
import statistics
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "workflow"))

import torch  # noqa: E402

from r1v3.data.world import World  # noqa: E402
from r1v3.generate import Request, Sampling  # noqa: E402
from r1v3.generate.in_process.decode_loop import DecodeLoop  # noqa: E402
from r1v3.generate.in_process.engine import TransformersEngine  # noqa: E402
from r1v3.model.encode import Encoder  # noqa: E402
from r1v3.model.load import build_model  # noqa: E402
from r1v3.model.processor import build_processor  # noqa: E402
from r1v3.model.prompt_template import render_prompt  # noqa: E402
from r1v3.model.tokenizer import train_tokenizer  # noqa: E402
from r1v3.recipe.load import load_project  # noqa: E402

AIM = 2.0  # times the tokens a second of `model.generate`
FULLNESS = 0.5  # least share of rows in use, as a mean over steps at which requests wait
SAMPLES, MOST, ROWS = 5, 256, 160
END_BIAS = 2.2  # gives a mean of about fifty tokens, and a tail that reaches MOST


def load(questions: int):
    """Return model, encoder and requests."""
    recipe = load_project(ROOT, "tiny").recipe
    sizes = recipe.models["base"].architecture
    world, rng = World("train"), random.Random(0)
    tasks = ("sum", "largest", "even", "compare")
    items = [world.item(tasks[n % 4], "open", "plain", rng) for n in range(questions)]
    tokenizer = train_tokenizer([item.question for item in items], sizes.vocabulary, 512)
    side = sizes.image_size
    tokens = (side // sizes.patch_size // 2) ** 2
    encoder = Encoder(
        build_processor(tokenizer, image_size=side, tokens_per_tile=tokens),
        recipe.images,
    )
    template = recipe.template
    requests = [
        Request(f"{n}", render_prompt(template, f"<image>\n{item.question}", "slow"), images, n)
        for n, item in enumerate(items)
        for images in [tuple(item.images[:1])]
    ]
    return build_model(sizes, tokenizer, seed=0).eval(), encoder, requests


class Fullness:
    """Counts the share of rows in use while requests wait."""

    def __init__(self):
        self.open = self.room = 0
        self.emit, self.begin = DecodeLoop._emit, DecodeLoop.__init__

    def __enter__(self):
        def noted(loop, model, encoder, sampling, capacity, feed):
            def feed_until_empty(most):
                found = feed(most)
                loop.empty = len(found) < most
                return found

            self.begin(loop, model, encoder, sampling, capacity, feed_until_empty)

        def counted(loop):
            if not loop.empty:
                self.open += int(loop.open.sum())
                self.room += loop.capacity
            return self.emit(loop)

        DecodeLoop._emit, DecodeLoop.__init__ = counted, noted
        return self

    def __exit__(self, *_):
        DecodeLoop._emit, DecodeLoop.__init__ = self.emit, self.begin


def ours(model, encoder, requests) -> tuple[float, list[int]]:
    """Return the seconds of our engine, and the length of each response."""
    bias = ((encoder.tokenizer.eos_token_id, END_BIAS),)
    engine = TransformersEngine(model, encoder, rows=ROWS)
    began = time.perf_counter()
    batches = list(engine.generate(requests, Sampling(1.0, 1.0, MOST, SAMPLES, bias=bias)))
    return time.perf_counter() - began, [len(r.token_ids) for batch in batches for r in batch]


@torch.inference_mode()
def plain(model, encoder, requests) -> tuple[float, list[int]]:
    """Return the same for `model.generate`, with batches of as many rows, padded on the left."""
    stop_id, pad = encoder.tokenizer.eos_token_id, encoder.tokenizer.pad_token_id
    lengths: list[int] = []
    torch.manual_seed(0)
    began = time.perf_counter()
    for first in range(0, len(requests), ROWS // SAMPLES):
        part = requests[first : first + ROWS // SAMPLES]
        encoded = encoder.prompts([r.prompt for r in part], [list(r.images) for r in part])
        longest = max(len(each.prompt_ids) for each in encoded)
        padding = [longest - len(each.prompt_ids) for each in encoded]
        ids = torch.tensor([[pad] * n + list(e.prompt_ids) for n, e in zip(padding, encoded)])
        mask = torch.tensor([[0] * n + [1] * (longest - n) for n in padding])
        found = model.generate(
            input_ids=ids,
            attention_mask=mask,
            pixel_values=torch.cat([each.tiles for each in encoded]),
            do_sample=True,
            temperature=1.0,
            top_p=1.0,
            top_k=0,
            max_new_tokens=MOST,
            num_return_sequences=SAMPLES,
            sequence_bias={(stop_id,): END_BIAS},
            suppress_tokens=list(encoder.never),
            eos_token_id=stop_id,
            pad_token_id=pad,
        )[:, longest:]
        for row in found.tolist():
            lengths.append(row.index(stop_id) + 1 if stop_id in row else len(row))
    return time.perf_counter() - began, lengths


def shared_prefill() -> float | None:
    """Return the gain that `make test-vllm` prints, or None without its environment."""
    python = ROOT / ".venv-vllm/bin/python"
    if not (ROOT / ".venv-vllm/installed").exists():
        print("vLLM's environment is not there (`make test-vllm`): its figure is left out")
        return None
    paths = ":".join(str(ROOT / part) for part in ("workflow", "tests/unit", "tests/vllm"))
    script = ROOT / "tests/vllm/shared_prefill.py"
    done = subprocess.run(
        ["env", f"PYTHONPATH={paths}", python, script], capture_output=True, text=True, check=True
    )
    return json.loads(done.stdout.splitlines()[-1])["shared_prefill_gain"]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--questions", type=int, default=96)
    parser.add_argument("--repeats", type=int, default=5)
    args = parser.parse_args()
    torch.set_num_threads(1)
    model, encoder, requests = load(args.questions)
    ways = {"engine": ours, "model.generate": plain}
    for way in ways.values():
        way(model, encoder, requests[: ROWS // SAMPLES])  # warm
    rates: dict[str, list[float]] = {name: [] for name in ways}
    lengths: dict[str, list[int]] = {}
    with Fullness() as fullness:
        for repeat in range(args.repeats):
            for name in sorted(ways, reverse=bool(repeat % 2)):
                seconds, lengths[name] = ways[name](model, encoder, requests)
                rates[name].append(sum(lengths[name]) / seconds)
    print(f"{args.questions} questions x {SAMPLES} samples, {ROWS} rows, {args.repeats} repeats")
    print(f"{'':16}{'tokens/s':>10}{'spread':>16}{'mean length':>13}{'median':>8}{'longest':>9}")
    for name, found in rates.items():
        spread = f"{min(found):.0f}-{max(found):.0f}"
        print(
            f"{name:16}{statistics.median(found):10.0f}{spread:>16}"
            f"{statistics.mean(lengths[name]):13.1f}{statistics.median(lengths[name]):8.0f}"
            f"{max(lengths[name]):9d}"
        )
    full = fullness.open / fullness.room
    print(f"of the rows that there is room for, while requests wait, write: {100 * full:.0f} %")
    gain = shared_prefill()
    ratio = statistics.median(a / b for a, b in zip(rates["engine"], rates["model.generate"]))
    result = {
        "speedup": round(ratio, 2),
        "tokens_per_second": round(statistics.median(rates["engine"])),
        "generate_tokens_per_second": round(statistics.median(rates["model.generate"])),
        "fullness": round(full, 2),
        "shared_prefill_gain": gain,
        "ahead": ratio >= AIM and full > FULLNESS and (gain is None or gain > 1),
    }
    print(json.dumps(result))


if __name__ == "__main__":
    main()
