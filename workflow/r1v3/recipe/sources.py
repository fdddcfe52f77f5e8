"""The recipe's models and data sets: where they are fetched, or how they are made."""

from typing import Annotated, Literal

from pydantic import Field

from r1v3.recipe.section import Positive, Rate, Section, Share

AnswerForm = Literal["mcq", "mcq_multi", "fill", "open"]
Mode = Literal["slow", "nothink", "nowait"]
# The tiny world's tasks and looks; `r1v3.data.world` draws them, and a test holds the two together.
Task = Literal[
    "sum",
    "largest",
    "even",
    "line",
    "position",
    "compare",
    "difference",
    "product",
    "places",
    "sequence",
    "shape_count",
    "shape_at",
    "colour_at",
    "odd_one_out",
    "pictured",
    "two_pictures",
    "describe",
]
Domain = Literal[
    "plain",
    "mathematics",
    "physics",
    "chemistry",
    "biology",
    "engineering",
    "agriculture",
    "environmental_science",
    "computer_science",
    "medicine",
    "pharmacy",
    "music",
    "literature",
    "philosophy",
    "history",
    "economics",
    "psychology",
    "political_science",
    "sociology",
    "education",
    "law",
]


class Architecture(Section):
    """Sizes of an InternVL built from scratch; lengths in pixels, widths in features."""

    image_size: Positive
    patch_size: Positive
    vision_width: Positive
    vision_layers: Positive
    vision_heads: Positive
    width: Positive
    layers: Positive
    heads: Positive
    kv_heads: Positive
    mlp_width: Positive
    vocabulary: Positive
    context: Positive
    initial_spread: Rate


class HubModel(Section):
    """A model of the Hugging Face hub, at a revision; `id` may be a local folder.

    `mode` is how this model answers: one that was never taught to think is asked without a thought.
    """

    source: Literal["hub"]
    mode: Mode
    id: str
    revision: str


class ScratchModel(Section):
    """A model built here, then trained by the SFT settings of that name on the data set of that name."""

    source: Literal["scratch"]
    mode: Mode
    architecture: Architecture
    tokenizer_data: list[str]
    data: str
    settings: str


class TunedModel(Section):
    """A model tuned here from another of the recipe's models."""

    source: Literal["tuned"]
    mode: Mode
    start: str
    data: str
    settings: str


class ServedModel(Section):
    """A model behind an OpenAI-compatible server, which applies the model's own chat template.

    `id` is the name that the server knows it by; its address is a matter of the machine.
    """

    source: Literal["server"]
    mode: Mode
    id: str


Model = Annotated[HubModel | ScratchModel | TunedModel, Field(discriminator="source")]
Baseline = Annotated[HubModel | ServedModel, Field(discriminator="source")]


class WorldSource(Section):
    """Questions drawn from the tiny world (`r1v3.data.world`).

    `slip_rate` is the share of thoughts that go wrong once and correct themselves; `told` the share of
    questions whose cells are told in words, without a picture.
    """

    kind: Literal["world"]
    tasks: dict[Task, Rate]
    forms: dict[AnswerForm, Rate]
    domains: dict[Domain, Rate]
    instances: Literal["train", "validation", "test"]
    respond: Literal["none", "direct", "chain", "slips"]
    slip_rate: Share
    told: Share
    seed: int


class FileSource(Section):
    """Records of a Hugging Face data set, or of a JSONL, TSV or Parquet file at a path or URL."""

    kind: Literal["hub", "file"]
    id: str
    revision: str | None
    split: str
    mapping: str
    instances: Literal["train", "validation", "test"]


class SourceSet(Section):
    """A data set taken from sources."""

    kind: Literal["source"]
    source: Annotated[WorldSource | FileSource, Field(discriminator="kind")]
    size: Positive
    stands_in_for: str | None


class Filters(Section):
    """The filters of section 3.2; `null` switches one off. Lengths in tokens of the response."""

    max_tokens: Positive | None
    max_repetition: Share | None
    max_reconsiderations: Positive | None


class SampledSet(Section):
    """A data set whose answers a model writes, kept where the grader says they are right (section 2).

    `otherwise` says what becomes of a question of which nothing is kept: it is dropped, or it keeps the
    response that its source has `written`, as STaR does (Zelikman et al. 2022).
    """

    kind: Literal["sampled"]
    questions: str
    by: str
    checkpoint: Literal["last", "selected"]
    samples: Positive
    temperature: Annotated[float, Field(ge=0)]
    top_p: Share
    max_new_tokens: Positive
    keep: Literal["first", "shortest"]
    keep_per_question: Positive
    otherwise: Literal["drop", "written"]
    filters: Filters
    seed: int


DataSet = Annotated[SourceSet | SampledSet, Field(discriminator="kind")]
