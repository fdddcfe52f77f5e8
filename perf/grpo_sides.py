"""Runs one side of `grpo.py` or `overlapped.py` in its own process: this loop, or TRL's.

Both sides start from the same random weights. They ask the same questions in the same order, with equally
many samples, up to equally many tokens, at temperature 1. They use the same grader, and take one on-policy
step of AdamW. Random weights never write the right format. So both sides reward a text's length in place of
its format, so that there is something to learn. `on_policy` and `overlapped` are this loop at a higher rate,
with a reward for digits, which random weights learn to write within a few steps.
"""

import argparse
import json
import sys
import time
from functools import partial
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "workflow"))

import torch  # noqa: E402
from grpo_model import IMAGES, LOADS, TEMPLATE, build  # noqa: E402

from r1v3.base.memory import peak_rss  # noqa: E402
from r1v3.data.records import read_records, render_question  # noqa: E402
from r1v3.model.load import load_model, load_processor  # noqa: E402
from r1v3.model.prompt_template import render_prompt  # noqa: E402
from r1v3.recipe.graph.configs import GrpoConfig  # noqa: E402
from r1v3.reward import Grader, combine  # noqa: E402
from r1v3.train.core.device_memory import peak_memory  # noqa: E402
from r1v3.train.core.metrics import read_metrics  # noqa: E402
from r1v3.train.core.sample_order import order_of_step  # noqa: E402
from r1v3.train.grpo.sampling import rollouts  # noqa: E402
from r1v3.train.grpo.trainer import train_grpo  # noqa: E402

SEED, RATE, BETAS = 1, 1e-5, (0.9, 0.999)
FAST = 2e-3  # a rate at which the model learns within a few steps
REWARD = {"accuracy_weight": 0.8, "format_weight": 0.2, "verifier": None}


def pay_for_length(text: str) -> float:
    """Return 0, 1/2 or 1 by a text's length, in place of the format reward."""
    return len(text) % 3 / 2


def pay_for_digits(text: str) -> float:
    """Return the share of digits among the characters, in place of the format reward."""
    return sum(character.isdigit() for character in text) / max(1, len(text))


def learning(folder: Path, shape: str, steps: int, out: Path, mode: dict) -> dict:
    """Run this loop at a rate at which it learns, with rollouts sampled as `mode` says."""
    weights = {"level": "token", "mode": "truncate", "cap": 2.0}
    changes = {"rollouts": mode, "mismatch": weights, "keep_rollouts": 0.0}
    return ours(folder, shape, steps, out, pay=pay_for_digits, rate=FAST, **changes)


def ours(
    folder: Path, shape: str, steps: int, out: Path, *, pay=pay_for_length, rate=RATE, **changes
) -> dict:
    """Run this loop as a run of the graph does, with all its measurements and records.

    Args:
        pay: returns the reward in place of the format reward.
        changes: further keys of `grpo`.
    """
    load = LOADS[shape]
    settings = {
        "train": ["vision_tower", "connector", "llm"],
        "optimizer": {
            "algorithm": "adamw",
            "learning_rate": rate,
            "schedule": "constant",
            "warmup": 0.0,
            "betas": list(BETAS),
            "weight_decay": 0.0,
            "max_grad_norm": 1.0,
        },
        "steps": steps,
        "prompts_per_step": load.prompts,
        "samples": load.samples,
        "updates_per_episode": 1,
        "minibatches": 1,
        "aggregation": "sequence_mean",
        "advantage": {"ddof": 1, "epsilon": 1e-4},
        "clip_low": 0.2,
        "clip_high": 0.2,
        "kl": 0.0,
        "kl_estimator": "k1",
        "old_logprobs": "trainer",
        "top_entropy": None,
        "covariance": None,
        "dynamic_sampling": None,
        "temperature": 1.0,
        "top_p": 1.0,
        "lengths": [{"step": 0, "tokens": load.tokens}],
        "overlong": "keep",
        "overlong_buffer": None,
        "instruction": None,
        "dtype": load.dtype,
        "checkpoint_every": 10**9,
        "keep_rollouts": 1.0,
        "reward": REWARD,
        "parallel": {
            "engine": "ranks",
            "zero": None,
            "pass_tokens": None,
            "gradient_checkpointing": False,
            "attention": "auto",
        },
        "resume": {"seconds": 1e9, "keep": 2},
        **changes,
    }
    entropy = {"critical_words": ["Wait"], "control_words": ["max"], "minimum_count": 20}
    config = GrpoConfig.model_validate(
        {
            "version": 1,
            "name": shape,
            "seed": SEED,
            "template": TEMPLATE,
            "images": IMAGES,
            "settings": settings,
            "start": {"run": "start", "checkpoint": "last", "selection": None},
            "data": "data",
            "entropy": entropy | {"threshold": 3.5, "resamples": 1000},
            "generation": {"engine": "transformers", "mode": "slow"},
        }
    )
    rollouts.format_reward = pay
    train_grpo(config, start=folder / "start", data=folder / "data", folder=out)
    rows = read_metrics(out / "metrics.jsonl")
    return {
        "seconds": [row["seconds"] for row in rows],
        "generate": [row["seconds_generate"] for row in rows],
        "reward": [row["seconds_reward"] for row in rows],
        "update": [row["seconds_update"] for row in rows],
        "tokens": [row["speed/tokens_per_second"] * row["seconds"] for row in rows],
        "paid": [row["reward"] for row in rows],
        "format": [row["format"] for row in rows],
        "mfu": [row["speed/update_mfu"] for row in rows],
    }


def trl(folder: Path, shape: str, steps: int, out: Path) -> dict:
    """Run TRL's trainer, with its own rendering of prompts, generation, loss and measurements."""
    from datasets import Dataset, Image
    from transformers import TrainerCallback
    from trl import GRPOConfig, GRPOTrainer

    load, processor = LOADS[shape], load_processor(folder / "start")
    records = read_records(folder / "data")
    by_question = [
        records[n]
        for step in range(steps)
        for n in order_of_step(len(records), step, load.prompts, SEED)
    ]
    rendered = render_prompt(TEMPLATE, "QUESTION", "slow")
    before, after = rendered.split("QUESTION")
    template = (
        "{% for message in messages %}{{ before }}{% for part in message['content'] %}"
        "{% if part['type'] == 'image' %}{{ picture }}{% else %}{{ part['text'] }}{% endif %}"
        "{% endfor %}{{ after }}{% endfor %}"
    )
    for name, text in (("before", before), ("after", after), ("picture", processor.image_token)):
        template = template.replace("{{ " + name + " }}", "{{ " + json.dumps(text) + " }}")
    processor.chat_template = processor.tokenizer.chat_template = template
    rows = [
        {
            "prompt": [
                {
                    "role": "user",
                    "content": render_question(r.question, r.options, 1).replace("<image>", ""),
                }
            ],
            "image": str(folder / "data" / r.images[0]),
            "number": n,
        }
        for n, r in enumerate(by_question)
    ]
    found: dict[str, list] = {"generate": [], "reward": [], "tokens": [], "paid": [], "seconds": []}
    grader = Grader(workers=1)

    def pay(completions, number, **_) -> list[float]:
        texts = ["<think>" + completion[0]["content"] for completion in completions]
        graded = grader.grade_many(
            [
                {
                    "id": place,
                    "question": by_question[n].question,
                    "options": by_question[n].options,
                    "gold": by_question[n].answer,
                    "type": by_question[n].answer_type,
                    "response": text,
                }
                for place, (n, text) in enumerate(zip(number, texts))
            ]
        )
        weights = {key: REWARD[key] for key in ("accuracy_weight", "format_weight")}
        paid = [
            combine(float(bool(v.correct)), pay_for_length(t), **weights)
            for v, t in zip(graded, texts)
        ]
        found["paid"].append(sum(paid) / len(paid))
        return paid

    class Timed(GRPOTrainer):
        def _generate(self, *args, **options):
            began = time.monotonic()
            result = super()._generate(*args, **options)
            found["generate"].append(time.monotonic() - began)
            found["tokens"].append(sum(map(len, result[1])))
            return result

        def _calculate_rewards(self, *args, **options):
            began = time.monotonic()
            result = super()._calculate_rewards(*args, **options)
            found["reward"].append(time.monotonic() - began)
            return result

    class Watch(TrainerCallback):
        began = 0.0

        def on_step_begin(self, *_, **__):
            self.began = time.monotonic()

        def on_step_end(self, *_, **__):
            found["seconds"].append(time.monotonic() - self.began)

    trainer = Timed(
        model=load_model(folder / "start", dtype="float32"),
        reward_funcs=pay,
        args=GRPOConfig(
            output_dir=str(out),
            per_device_train_batch_size=load.prompts * load.samples,
            num_generations=load.samples,
            max_completion_length=load.tokens,
            max_steps=steps,
            learning_rate=RATE,
            adam_beta1=BETAS[0],
            adam_beta2=BETAS[1],
            lr_scheduler_type="constant",
            max_grad_norm=1.0,
            optim="adamw_torch_fused",
            temperature=1.0,
            top_k=0,
            beta=0.0,
            loss_type="grpo",
            bf16=load.dtype == "bfloat16",
            gradient_checkpointing=False,
            shuffle_dataset=False,
            logging_steps=1,
            save_strategy="no",
            report_to="none",
            disable_tqdm=True,
            dataloader_pin_memory=False,
            use_cpu=not torch.cuda.is_available(),
        ),
        train_dataset=Dataset.from_list(rows).cast_column("image", Image()),
        processing_class=processor,
        callbacks=[Watch()],
    )
    trainer.train()
    grader.close()
    found["update"] = [
        whole - made - paid
        for whole, made, paid in zip(found["seconds"], found["generate"], found["reward"])
    ]
    return found


SIDES = {
    "ours": ours,
    "trl": trl,
    "on_policy": partial(learning, mode={"mode": "on_policy"}),
    "overlapped": partial(learning, mode={"mode": "overlapped", "staleness": 1}),
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("side", choices=["build", *SIDES])
    parser.add_argument("--folder", type=Path, required=True)
    parser.add_argument("--shape", choices=LOADS, required=True)
    parser.add_argument("--steps", type=int, required=True)
    parser.add_argument("--out", type=Path, required=True)
    args = parser.parse_args()
    if args.side == "build":
        build(args.folder, args.shape, args.steps)
        return
    if not torch.cuda.is_available():
        torch.set_num_threads(1)
    args.out.mkdir(parents=True)
    found = SIDES[args.side](args.folder, args.shape, args.steps, args.out)
    found["peak"] = peak_memory()
    found["resident"] = peak_rss()
    (args.out / "found.json").write_text(json.dumps(found))


if __name__ == "__main__":
    main()
