"""Builds what `gpu_acceptance.py` trains: InternVL3's shapes with random weights, the report's lengths."""

import sys
from dataclasses import dataclass, replace
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "workflow"))

import torch  # noqa: E402
from transformers import InternVLForConditionalGeneration  # noqa: E402

from r1v3.data.records import Record  # noqa: E402
from r1v3.generate.types import Response  # noqa: E402
from r1v3.model.encode import Encoded  # noqa: E402
from r1v3.plan.costs import load_costs  # noqa: E402
from r1v3.plan.shapes import ModelSizes, config_from_sizes  # noqa: E402
from r1v3.plan.speed import draw_lengths  # noqa: E402
from r1v3.recipe.layers import read_yaml  # noqa: E402
from r1v3.recipe.load import load_project  # noqa: E402
from r1v3.recipe.schema.training import Grpo, LengthStage  # noqa: E402
from r1v3.train.core.engine import TrainingEngine, open_engine, prepare_model  # noqa: E402
from r1v3.train.core.ranks import Ranks  # noqa: E402
from r1v3.train.core.token_stats import PackedStats  # noqa: E402
from r1v3.train.grpo.sampling.prompts import Prompt  # noqa: E402
from r1v3.train.grpo.sampling.rollouts import Episode  # noqa: E402

GROUPS = ["vision_tower", "connector", "llm"]
STATE_BYTES = 18  # for a trained parameter: 16-bit weight, 32-bit gradient and copy, two averages


@dataclass(frozen=True)
class Load:
    """Sizes of an episode: prompts with their tiles and text tokens, samples, and limits in tokens."""

    prompts: int
    samples: int
    tiles: int
    text: int
    limit: int
    pass_tokens: int


PAPER = Load(prompts=4, samples=32, tiles=7, text=150, limit=8192, pass_tokens=16384)
TINY = Load(prompts=2, samples=4, tiles=1, text=20, limit=24, pass_tokens=120)
TINY_SIZES = {
    "vision": {"width": 32, "layers": 2, "heads": 2, "mlp_width": 64},
    "text": {"width": 64, "layers": 2, "heads": 4, "kv_heads": 2, "mlp_width": 64},
}


@dataclass(frozen=True)
class World:
    """Where the parts run, and what they load.

    Attributes:
        model: `1B` or `8B`.
        tiny: whether to use small sizes on a CPU, to test the script itself.
    """

    model: str
    tiny: bool

    @property
    def device(self) -> torch.device:
        """The GPU, or the CPU if there is none."""
        return torch.device("cuda", 0) if torch.cuda.is_available() else torch.device("cpu")

    @property
    def load(self) -> Load:
        """The sizes of the episodes."""
        return TINY if self.tiny else PAPER

    def shape(self) -> dict:
        """Return the entry of config/shapes.yaml, with as many text layers as fit with AdamW's averages."""
        shape = dict(read_yaml(ROOT / "config/shapes.yaml")[f"OpenGVLab/InternVL3-{self.model}-hf"])
        if self.tiny:
            text = shape["text"] | TINY_SIZES["text"] | {"vocabulary": 600}
            return shape | {
                "vision": shape["vision"] | TINY_SIZES["vision"], "text": text, "image_size": 56,
            }  # fmt: skip
        text = shape["text"]
        layer = text["width"] * (2 * text["width"] + 3 * text["mlp_width"])
        layer += 2 * text["width"] * text["width"] * text["kv_heads"] // text["heads"]
        fixed = 2 * text["vocabulary"] * text["width"] + 4e8
        room = 0.75 * torch.cuda.get_device_properties(0).total_memory / STATE_BYTES
        layers = min(text["layers"], max(2, int((room - fixed) / layer)))
        return shape | {"text": text | {"layers": layers}}

    def settings(self, **parallel) -> Grpo:
        """Return the settings of recipe 1b, with this load's sizes."""
        found = load_project(ROOT, "1b").recipe.grpo["math"]
        own = found.parallel.model_copy(update={"pass_tokens": self.load.pass_tokens, **parallel})
        lengths = [LengthStage(step=0, tokens=self.load.limit)]
        return found.model_copy(
            update={"parallel": own, "lengths": lengths, "samples": self.load.samples}
        )

    def build(self) -> InternVLForConditionalGeneration:
        """Build the model in 16 bits, with the same weights each time."""
        torch.manual_seed(0)
        config = config_from_sizes(ModelSizes.model_validate(self.shape()))
        config.image_token_id = 0
        with torch.device(self.device):
            return InternVLForConditionalGeneration(config).to(torch.bfloat16)

    def learner(self, module=PackedStats, **parallel) -> tuple[TrainingEngine, Grpo]:
        """Open a training engine of the model, as a GRPO run does, and return it with its settings."""
        settings, model = self.settings(**parallel), self.build()
        if parallel.get("zero"):
            model = model.cpu()
        prepare_model(model, settings.train, settings.parallel)
        own = (
            module(model) if module is not PackedStats else module(model, temperature=1.0, never=())
        )
        policy = open_engine(
            model,
            own,
            Ranks(0, 1),
            optimizer=settings.optimizer,
            parallel=settings.parallel,
            dtype="bfloat16",
        )
        return policy, settings

    def lengths(self, count: int, seed: int) -> list[int]:
        """Draw the tokens of responses, lognormal as in the plan."""
        workload = load_costs(ROOT).workloads["tiny" if self.tiny else "paper"]
        return [max(2, n) for n in draw_lengths(workload, count, self.load.limit, seed=seed)]

    def prompt_tokens(self, model) -> int:
        """Return the tokens of each prompt, with those of its picture."""
        return self.load.text + self.load.tiles * model.config.image_seq_length

    def episode(self, model, seed: int = 0) -> Episode:
        """Make an episode with random tokens as questions and answers, and random rewards."""
        load, draw = self.load, torch.Generator().manual_seed(seed)
        words, side = model.config.text_config.vocab_size, model.config.vision_config.image_size[0]

        def ids(count: int) -> tuple[int, ...]:
            return tuple(torch.randint(1, words, (count,), generator=draw).tolist())

        seen = (0,) * (load.tiles * model.config.image_seq_length)
        encoded = [
            Encoded(seen + ids(load.text), torch.rand(load.tiles, 3, side, side, generator=draw))
            for _ in range(load.prompts)
        ]
        prompts = [Prompt(_record(f"q{n}"), "", each) for n, each in enumerate(encoded)]
        lengths = self.lengths(load.prompts * load.samples, seed)
        responses = [
            Response(f"q{n // load.samples}", n % load.samples, "", ids(k), (-1.0,) * k, "stop", 1)
            for n, k in enumerate(lengths)
        ]
        reward = torch.rand(load.prompts, load.samples, generator=draw)
        reasons = [("", "")] * len(responses)
        return Episode(prompts, responses, reward, torch.ones_like(reward), reward, reasons)


def single(
    episode: Episode, samples: int
) -> list[tuple[tuple[int, ...], tuple[int, ...], torch.Tensor]]:
    """Return each prompt with its first response, as supervised samples."""
    return [
        (prompt.encoded.prompt_ids, episode.responses[n * samples].token_ids, prompt.encoded.tiles)
        for n, prompt in enumerate(episode.prompts)
    ]


def _record(name: str) -> Record:
    return replace(EMPTY, id=name)


EMPTY = Record(
    id="", question="", options=None, answer="", answer_type="open", images=(), domain="plain",
    difficulty="normal", language="en", source="random", licence="none", split="train",
    response=None, meta={},
)  # fmt: skip
