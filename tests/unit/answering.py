"""Runs a job in its own process, which tests kill: `answering.py <engine> <checkpoint> <folder>`."""

import sys
import time
from pathlib import Path

from model_fixtures import IMAGES, TEMPLATE, picture

from r1v3.generate import Request, Sampling, load_engine
from r1v3.generate.store import Store
from r1v3.model.prompt_template import render_prompt
from r1v3.recipe.graph.configs import Answering
from r1v3.recipe.schema.recipe import Template

SAMPLING = Sampling(1.0, 1.0, 40, samples=2, bias=((2, 1.5),))  # 2 ends a turn: lengths differ


def requests(template: Template = TEMPLATE) -> list[Request]:
    """Return questions with and without a picture, and one that cannot be answered."""
    found = []
    for n in range(12):
        images = (picture(n),) if n % 2 else ()
        text = render_prompt(template, "<image>\n" * len(images) + f"{n}+4=", "slow")
        found.append(Request(f"sums/{n}", text, images, seed=n))
    return [*found, Request("sums/bomb", "<image>", (picture(1, 500, 401),), 1)]


def work(engine: str, checkpoint: Path, folder: Path, pause: float) -> int:
    """Answer missing requests, and return how many responses were asked for."""
    store, asked = Store(folder, "a model"), 0
    missing = list(store.missing(requests(), SAMPLING))
    store.drop_half_lines()
    if missing:
        answering = Answering.model_validate({"engine": engine, "mode": "slow"})
        for batch in load_engine(answering, IMAGES, checkpoint).generate(missing, SAMPLING):
            for key in dict.fromkeys(response.key for response in batch):
                store.append([response for response in batch if response.key == key])
                time.sleep(pause)
            asked += len(batch)
    return asked


if __name__ == "__main__":
    print(work(sys.argv[1], Path(sys.argv[2]), Path(sys.argv[3]), pause=0.1))
