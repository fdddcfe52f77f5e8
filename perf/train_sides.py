"""Runs one side of `train.py` in its own process: this trainer, transformers' or TRL's.

All sides have the same model, token ids and tiles, in the same order and batches, with the same AdamW. So
their losses agree, which `train.py` checks.
"""

import argparse
import json
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "workflow"))

import torch  # noqa: E402
from train_model import SEED, SHAPES, build  # noqa: E402

from r1v3.base.memory import peak_rss  # noqa: E402
from r1v3.data.records import read_records  # noqa: E402
from r1v3.model.encode import Encoder  # noqa: E402
from r1v3.model.load import load_model, load_processor  # noqa: E402
from r1v3.recipe.graph.configs import ShownConfig  # noqa: E402
from r1v3.recipe.schema.recipe import Images, Template  # noqa: E402
from r1v3.recipe.schema.training import Sft  # noqa: E402
from r1v3.train.core.device_memory import peak_memory  # noqa: E402
from r1v3.train.core.flops import FlopCount, peak_flops  # noqa: E402
from r1v3.train.core.metrics import read_metrics  # noqa: E402
from r1v3.train.core.sample_order import order_of_step  # noqa: E402
from r1v3.train.sft import log as sft_log  # noqa: E402
from r1v3.train.sft.samples import Encoding, encode_samples  # noqa: E402
from r1v3.train.sft.trainer import fit  # noqa: E402

TEMPLATE = Template(
    system="You are a helpful assistant.", user_role="human", assistant_role="assistant"
)
IMAGES = Images(min_tiles=1, max_tiles=2, max_pixels=10**7)
OPTIMIZER = {
    "algorithm": "adamw",
    "learning_rate": 1e-4,
    "schedule": "constant",
    "warmup": 0.0,
    "betas": [0.9, 0.999],
    "weight_decay": 0.0,
    "max_grad_norm": 1.0,
}


def settings(shape: str, batch: int, steps: int, train: list[str]) -> Sft:
    """Return the settings of the run; on a GPU all sides use gradient checkpointing."""
    large = shape != "50M"
    chosen = {
        "train": train,
        "optimizer": OPTIMIZER,
        "epochs": 1.0,
        "max_steps": steps,
        "batch_size": batch,
        "max_length": 10**6,
        "dtype": "bfloat16" if large else "float32",
        "early_stopping": None,
        "max_set_aside": 0.0,
        "parallel": {
            "engine": "ranks",
            "zero": None,
            "pass_tokens": 16384 if large else None,
            "gradient_checkpointing": large,
            "attention": "auto",
        },
        "loading": {"cached": not large, "threads": 4 if large else 1, "ahead": 4},
        "resume": {"seconds": 10**9, "keep": 2},
        "watch": {"spike": None, "window": 50},
    }
    return Sft.model_validate(chosen)


def ours(folder: Path, shape: str, batch: int, steps: int, train: list[str], out: Path) -> dict:
    """Run this trainer as a run of the graph does."""
    chosen = settings(shape, batch, steps, train)
    model = load_model(folder / "start", dtype=chosen.dtype)
    before = peak_memory()
    device = (
        next(model.parameters()).device if not torch.cuda.is_available() else torch.device("cuda")
    )
    peak = peak_flops(device)
    sft_log.peak_flops = lambda _: peak
    fit(
        model,
        load_processor(folder / "start"),
        chosen,
        ShownConfig(version=1, name="ours", seed=SEED, template=TEMPLATE, images=IMAGES),
        data=folder / "data",
        validation=None,
        folder=out,
    )
    rows = read_metrics(out / "metrics.jsonl")
    # The load of the machine may differ between begin and end.
    best = max(peak, peak_flops(device))
    return {
        "seconds": [row["seconds"] for row in rows],
        "losses": [row["loss"] for row in rows],
        "tokens": [row["speed/tokens_per_second"] * row["seconds"] for row in rows],
        "mfu": [row["speed/mfu"] * peak / best for row in rows],
        "waiting": [row["speed/waiting"] for row in rows],
        "before": before,
    }


def peer(
    name: str, folder: Path, shape: str, batch: int, steps: int, train: list[str], out: Path
) -> dict:
    """Run transformers' `Trainer` or TRL's `SFTTrainer` on samples from our encoder."""
    from torch.utils.data import SequentialSampler
    from transformers import Trainer, TrainerCallback, TrainingArguments

    chosen = settings(shape, batch, steps, train)
    processor = load_processor(folder / "start")
    samples = encode_samples(
        read_records(folder / "data"),
        Encoding(folder / "data", Encoder(processor, IMAGES), TEMPLATE, max_length=10**6),
    )
    order = [n for step in range(steps) for n in order_of_step(len(samples.ids), step, batch, SEED)]
    rows = [{"number": n} for n in order]
    tokens, seconds, losses = [], [], []
    pad = processor.tokenizer.pad_token_id

    def collate(part: list[dict]) -> dict:
        groups = [samples.groups[row["number"]] for row in part]
        whole = [(*g.prompt_ids, *g.responses[0]) for g in groups]
        longest = max(map(len, whole))
        labels = [(-100,) * len(g.prompt_ids) + g.responses[0] for g in groups]
        tokens.append(sum(map(len, whole)))
        return {
            "input_ids": torch.tensor([(*w, *[pad] * (longest - len(w))) for w in whole]),
            "attention_mask": torch.tensor(
                [[1] * len(w) + [0] * (longest - len(w)) for w in whole]
            ),
            "labels": torch.tensor([(*own, *[-100] * (longest - len(own))) for own in labels]),
            "pixel_values": torch.cat([g.tiles for g in groups]),
        }

    class Watch(TrainerCallback):
        began = None

        def on_step_end(self, *_, **__):
            now = time.monotonic()
            seconds.append(now - (self.began or now))
            self.began = now

        def on_log(self, args, state, control, logs=None, **_):
            if "loss" in logs:
                losses.append(float(logs["loss"]))

    model = load_model(folder / "start", dtype="float32")  # both peers get bfloat16 by autocast
    if train != ["vision_tower", "connector", "llm"]:
        raise ValueError("the peers have no module groups: they train all of them")
    common = {
        "output_dir": str(out),
        "per_device_train_batch_size": batch,
        "max_steps": steps,
        "learning_rate": OPTIMIZER["learning_rate"],
        "lr_scheduler_type": "constant",
        "max_grad_norm": OPTIMIZER["max_grad_norm"],
        "optim": "adamw_torch_fused",
        "bf16": chosen.dtype == "bfloat16",
        "gradient_checkpointing": chosen.parallel.gradient_checkpointing,
        "logging_steps": 1,
        "logging_strategy": "steps",
        "save_strategy": "no",
        "report_to": "none",
        "remove_unused_columns": False,
        "dataloader_pin_memory": False,
        "disable_tqdm": True,
        "use_cpu": not torch.cuda.is_available(),
    }
    before = peak_memory()
    if name == "trl":
        from datasets import Dataset
        from trl import SFTConfig, SFTTrainer

        class Sequential(SFTTrainer):
            def _get_train_sampler(self, dataset=None):
                return SequentialSampler(dataset if dataset is not None else self.train_dataset)

        trainer = Sequential(
            model=model,
            args=SFTConfig(
                **common, max_length=None, dataset_kwargs={"skip_prepare_dataset": True}
            ),
            train_dataset=Dataset.from_list(rows),
            processing_class=processor,
            data_collator=collate,
            callbacks=[Watch()],
        )
    else:

        class Plain(Trainer):
            def _get_train_sampler(self, dataset=None):
                return SequentialSampler(dataset if dataset is not None else self.train_dataset)

        trainer = Plain(
            model=model,
            args=TrainingArguments(**common),
            train_dataset=rows,
            data_collator=collate,
            callbacks=[Watch()],
        )
    count, peak = FlopCount.of(model, train), peak_flops(trainer.args.device)
    trainer.train()
    peak = max(peak, peak_flops(trainer.args.device))
    batches = [order[n * batch : (n + 1) * batch] for n in range(steps)]
    flops = [
        count.batch(samples.lengths(b), samples.responses(b), sum(samples.tiles[i] for i in b))
        for b in batches
    ]
    return {
        "seconds": seconds,
        "losses": losses[:steps],
        "tokens": tokens[:steps],
        "mfu": [f / (s * peak) if s else 0.0 for f, s in zip(flops, seconds)],
        "waiting": [],
        "before": before,
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("side", choices=["build", "ours", "transformers", "trl"])
    parser.add_argument("--folder", type=Path, required=True)
    parser.add_argument("--shape", choices=SHAPES, required=True)
    parser.add_argument("--batch", type=int, required=True)
    parser.add_argument("--steps", type=int, required=True)
    parser.add_argument("--longest", type=int, required=True)
    parser.add_argument("--train", nargs="+", default=["vision_tower", "connector", "llm"])
    parser.add_argument("--out", type=Path, required=True)
    args = parser.parse_args()
    if args.side == "build":
        build(args.folder, args.shape, args.batch * args.steps, args.longest)
        return
    args.out.mkdir(parents=True)
    common = (args.folder, args.shape, args.batch, args.steps, args.train, args.out)
    found = ours(*common) if args.side == "ours" else peer(args.side, *common)
    found["peak"] = peak_memory()
    found["resident"] = peak_rss()
    (args.out / "found.json").write_text(json.dumps(found))


if __name__ == "__main__":
    main()
