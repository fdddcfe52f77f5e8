"""The recipe's models and data sets: where they are fetched, or how they are made."""

import datetime
from typing import Annotated, Literal

from pydantic import AfterValidator, Field, model_validator

from r1v3.recipe.schema.section import Positive, Rate, Section, Share

BalancedField = Literal["domain", "answer_type", "difficulty", "language", "source"]
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


def _day(text: str) -> str:
    datetime.date.fromisoformat(text)
    return text


Date = Annotated[str, AfterValidator(_day)]


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


class ListedSource(Section):
    """Rows of entries of `config/sources.yaml`; `split` picks rows that name one."""

    kind: Literal["listed"]
    entries: list[str]
    split: str
    instances: Literal["train", "validation", "test"]


class SourceSet(Section):
    """A data set taken from sources.

    `before`: samples published on this day or later are out (section 2 has 2024), and `undated` says what
    becomes of those without a date. `balance`: by field of the record, the weight of each value;
    combinations get the product. `duplicates` and `contaminated`: twins within the set, and in the
    evaluations, are dropped, listed only, or (`null`) not looked for.
    """

    kind: Literal["source"]
    source: Annotated[WorldSource | ListedSource, Field(discriminator="kind")]
    size: Positive
    stands_in_for: str | None
    before: Date | None
    undated: Literal["keep", "drop"]
    balance: dict[BalancedField, dict[str, Rate]] | None
    duplicates: Literal["drop", "list"] | None
    contaminated: Literal["drop", "list"] | None


class Judge(Section):
    """A model that reads each kept chain and says whether it rambles (section 3.2: GPT-4o), behind an
    OpenAI-compatible server. `max_unjudged`: a larger share without a verdict is an error."""

    model: str
    max_unjudged: Share


class RewardModel(Section):
    """A reward model behind a server (section 3.2: Skywork-VL-Reward); chains below `least` are out."""

    model: str
    least: float
    max_unjudged: Share


class Filters(Section):
    """The filters of section 3.2, in order; `null` or `false` switches one off.

    `max_tokens`: length of the response in tokens. `max_repetition`: share that compression saves;
    `max_repeated_grams`: share of its runs of four words that are repeats. `max_reconsiderations`: turns such
    as Wait. `max_other_script`: share of words outside the response's main script (language mixing).
    `format`: the report's template. `leakage`: the thought quotes a given answer ("the answer key says").
    """

    max_tokens: Positive | None
    max_repetition: Share | None
    max_repeated_grams: Share | None
    max_reconsiderations: Positive | None
    max_other_script: Share | None
    format: bool
    leakage: bool
    judge: Judge | None
    reward_model: RewardModel | None


class SampledSet(Section):
    """A data set whose answers a model writes, kept where the grader says they are right (section 2).

    `keep` picks among a question's right answers: the `first`, the `shortest`, or the `best` by the filters'
    reward model. `pass_rates`: a question solved by a smaller or a larger share of its samples is dropped;
    `null` keeps all. `otherwise` says what becomes of a question of which nothing is kept: it is dropped, or
    it keeps the response that its source has `written`, as STaR does (Zelikman et al. 2022).
    """

    kind: Literal["sampled"]
    questions: str
    by: str
    checkpoint: Literal["last", "selected"]
    samples: Positive
    temperature: Annotated[float, Field(ge=0)]
    top_p: Share
    max_new_tokens: Positive
    keep: Literal["first", "shortest", "best"]
    keep_per_question: Positive
    otherwise: Literal["drop", "written"]
    pass_rates: tuple[Share, Share] | None
    filters: Filters
    seed: int

    @model_validator(mode="after")
    def _best_needs_a_judge(self):
        if self.keep == "best" and self.filters.reward_model is None:
            raise ValueError("keep best needs filters.reward_model")
        return self


DataSet = Annotated[SourceSet | SampledSet, Field(discriminator="kind")]
