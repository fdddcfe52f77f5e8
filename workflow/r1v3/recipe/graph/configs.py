"""Defines the typed config of each stage: the resolved config in `config.json` as a pydantic model.

A stage's code reads no other settings.

Every config has `version` (of the stage's code), `name` and `seed`. Parents are named by their ids
`<name>-<hash>`. Some keys are left out of the resolved config at their default (`instruction`, `without`,
`thinking`, `determinism`). So configs that are older than such a key keep their hash.
"""

from typing import Annotated, Literal

from pydantic import Field

from r1v3.recipe.graph.identity import Node
from r1v3.recipe.schema.cleaning import Cleaning, CleaningRules
from r1v3.recipe.schema.data import (
    HubModel,
    ListedSource,
    Mode,
    SampledSet,
    ScratchModel,
    SourceSet,
    TunedModel,
    WorldSource,
)
from r1v3.recipe.schema.recipe import (
    Determinism,
    Entropy,
    Images,
    OwnTemplate,
    Selection,
    Template,
)
from r1v3.recipe.schema.section import GrowingSection, Positive, Section, Share
from r1v3.recipe.schema.training import Grpo, Reward, Sft, Verifier
from r1v3.recipe.tables.benchmarks import (
    AnswerFormat,
    Benchmark,
    BenchmarkPrompt,
    Released,
    Source,
    UserSource,
)
from r1v3.recipe.tables.sources import Decides


class StageConfig(Section):
    """The keys that the config of every stage has."""

    version: Positive
    name: str
    seed: int


class CheckpointOf(Section):
    """A run's checkpoint; `selection` is the id of the selection that chose it, if it is `selected`."""

    run: str
    checkpoint: str
    selection: str | None


class ThinkingChanges(Section):
    """The sampling settings that a thinking mode changes (sections 6.2 and 6.3)."""

    banned_words: list[str] = []
    thought_tokens: Positive | None = None
    max_new_tokens: Positive | None = None
    close: str = "</think>"


class Answering(Section):
    """The engine that answers, and its thinking mode."""

    engine: Literal["transformers", "vllm", "server"]
    mode: Mode
    thinking: ThinkingChanges | None = None


class ShownConfig(StageConfig):
    """The config of a stage that shows pictures to a model; `template` `own` is the model's own."""

    template: Template | OwnTemplate | Literal["own"]
    images: Images
    determinism: Determinism = "fast"


class AskedConfig(ShownConfig):
    """The config of a stage in which a model answers questions and its answers are graded."""

    instruction: str | None = None
    generation: Answering
    grading: Reward


class ResolvedListedSource(ListedSource):
    """A listed source with the part of each entry that decides its records.

    `content` is the sha256 of each local file or folder, so that a changed file gives another data set.
    `ruled_out` has the licence of each entry that the recipe's `licences` do not admit, by the entry's name.
    """

    entries: dict[str, Decides]  # type: ignore[assignment]
    content: dict[str, str] = {}
    ruled_out: dict[str, str] = {}


class ResolvedSourceSet(SourceSet):
    """A data set from sources, with the entries of its sources."""

    source: Annotated[WorldSource | ResolvedListedSource, Field(discriminator="kind")]  # type: ignore[assignment]


class SourceDataConfig(StageConfig):
    """The config of a data set that is taken from sources.

    `evaluation_index` is the id of the index that the set is compared with; `cleaning` then names the
    evaluations.
    """

    set: ResolvedSourceSet
    cleaning: Cleaning | CleaningRules
    evaluation_index: str | None = None


class SampledDataConfig(AskedConfig):
    """The config of a data set whose answers a model writes."""

    set: SampledSet
    questions: str
    by: CheckpointOf


class IndexedBenchmark(Section):
    """The part of a benchmark that decides its questions: its file, and how its rows are read."""

    file: str
    select: dict[str, str]
    needs_picture: bool
    answer: AnswerFormat
    code: str | None

    def reader(self) -> Benchmark:
        """Return an entry that reads the questions; its other keys are placeholders."""
        plain = BenchmarkPrompt(
            choice="{question}", open="{question}", option="{text}", images="first"
        )
        return Benchmark(
            version=1,
            source=UserSource(kind="user", describe=self.file),
            select=self.select,
            needs_picture=self.needs_picture,
            items=1,
            items_confirmed=False,
            prompt=plain,
            answer=self.answer,
            code=self.code,
            scorer="accuracy",
            by=[],
            cluster=[],
            judge="never",
            released=Released(temperature=0, max_new_tokens=1, rule="judge"),
        )


class EvaluationIndexConfig(StageConfig):
    """The config of the evaluation index; `held_out` has the ids of the held-out sets by name."""

    cleaning: Cleaning
    benchmarks: dict[str, IndexedBenchmark]
    held_out: dict[str, str]


class ScratchSpec(ScratchModel):
    """A model that is built here, with its resolved settings."""

    settings: Sft  # type: ignore[assignment]


class TunedSpec(TunedModel):
    """A model that is tuned here, with its resolved settings."""

    settings: Sft  # type: ignore[assignment]


class ModelConfig(ShownConfig):
    """The config of a model that no run of the table trains.

    `data` has the ids of its data sets by name. `start` is the id of the model that it starts from.
    """

    spec: Annotated[HubModel | ScratchSpec | TunedSpec, Field(discriminator="source")]
    data: dict[str, str]
    start: str | None


class SftConfig(ShownConfig):
    """The config of a supervised run."""

    settings: Sft
    start: CheckpointOf
    data: str
    validation: str | None


class GrpoConfig(ShownConfig):
    """The config of a reinforcement run."""

    settings: Grpo
    start: CheckpointOf
    data: str
    without: list[Literal["connector"]] = []
    entropy: Entropy
    generation: Answering


class ProbeConfig(AskedConfig):
    """The config of the probes of a reinforced run's checkpoints, and of the choice among these."""

    run: str
    data: str
    selection: Selection
    entropy: Entropy


class PublishedFile(Section):
    """A benchmark's file as its authors publish it, or as the user supplies it.

    `content` is the sha256 of each user-supplied file without a published checksum, by the file's name.
    """

    made_from: Literal["files"]
    source: Source
    content: dict[str, str] = {}


class MiniatureFile(Section):
    """A benchmark's small copy from the tiny world."""

    made_from: Literal["miniature"]
    domains: list[str]
    tasks: list[str]
    items: Positive | None


class BenchmarkConfig(StageConfig):
    """The config of a benchmark's file. The config of an evaluation says how it is asked and scored."""

    benchmark: str
    file: Annotated[PublishedFile | MiniatureFile, Field(discriminator="made_from")]


class EvaluationSettings(GrowingSection):
    """How a suite is asked and scored (section 4)."""

    protocol: Literal["report", "released"]
    runs: Positive
    temperature: Annotated[float, Field(ge=0)]
    top_p: Share
    max_new_tokens: Positive
    confidence: Share
    resamples: Positive
    second_judge: Verifier | None = None


Probe = Literal["shuffled", "masked", "partial"]


class EvaluationConfig(AskedConfig):
    """The config of a suite that one checkpoint answers; `benchmarks` and `held_out` are ids by name.

    `entries` say how each benchmark is asked and scored. `probe` changes the questions
    (`r1v3.evaluate.probes`); no suite of the run table uses it.
    """

    run: str
    checkpoint: str
    selection: str | None
    suite: str
    probe: Probe | None = None
    evaluation: EvaluationSettings
    benchmarks: dict[str, str]
    entries: dict[str, Benchmark]
    held_out: dict[str, str]


CONFIGS: dict[str, type[StageConfig]] = {
    "evaluation_index": EvaluationIndexConfig,
    "model": ModelConfig,
    "sft": SftConfig,
    "grpo": GrpoConfig,
    "probe": ProbeConfig,
    "benchmark": BenchmarkConfig,
    "evaluation": EvaluationConfig,
}


def config_class(node: Node) -> type[StageConfig]:
    """Return the class of a node's resolved config; a data set has one of two, depending on its origin.

    Raises:
        KeyError: no stage makes nodes of this kind.
    """
    if node.kind == "data":
        return SampledDataConfig if "questions" in node.resolved else SourceDataConfig
    return CONFIGS[node.kind]


def typed_config(node: Node) -> StageConfig:
    """Return a node's resolved config as the model of its stage."""
    return config_class(node).model_validate(node.resolved)
