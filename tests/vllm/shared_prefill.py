"""Measures the gain if the samples of a question share one prefill (`make test-vllm`).

Each question has five samples, a long prompt and pictures. It is sent once as one request, and once as five
requests that share only the batch. The last line is JSON.
"""

import json
import statistics
import tempfile
import time
from pathlib import Path

from model_fixtures import IMAGES, picture
from vllm_models import write

from r1v3.generate import Request, Sampling
from r1v3.generate.vllm.engine import open_vllm

SAMPLES, QUESTIONS, NEW, REPEATS = 5, 12, 12, 5
LONG = "Wait, 3+4=7. Alternatively, 4+3=7. What is the sum? " * 60


def seconds(engine, requests: list[Request], sampling: Sampling) -> float:
    engine.llm.reset_mm_cache()
    engine.llm.llm_engine.reset_encoder_cache()
    engine.llm.reset_prefix_cache()
    began = time.monotonic()
    found = [response for batch in engine.generate(requests, sampling) for response in batch]
    took = time.monotonic() - began
    assert len(found) == QUESTIONS * SAMPLES
    return took


def together(engine) -> float:
    return seconds(engine, questions(0), Sampling(1.0, 1.0, NEW, samples=SAMPLES))


def apart(engine) -> float:
    """Return as many requests of one sample, with different beginnings so that no cache is shared."""
    requests = [request for sample in range(SAMPLES) for request in questions(sample)]
    return seconds(engine, requests, Sampling(1.0, 1.0, NEW))


def questions(sample: int) -> list[Request]:
    numbers = [100 * (sample + 1) + n for n in range(QUESTIONS)]
    return [Request(f"{n}", f"{n} <image>\n{LONG}", (picture(n, 80, 80),), n) for n in numbers]


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        engine = open_vllm(IMAGES, write(Path(folder) / "model", 0), None)
        together(engine)
        pairs = [(together(engine), apart(engine)) for _ in range(REPEATS)]
    one, five = (statistics.median(times) for times in zip(*pairs))
    print(f"{SAMPLES} samples on one prefill: {one:.2f} s; as {SAMPLES} requests: {five:.2f} s")
    print(json.dumps({"shared_prefill_gain": round(five / one, 2), "samples": SAMPLES}))


if __name__ == "__main__":
    main()
