"""Defines the recipe's models and data sets: where they are downloaded, or how they are made."""

import datetime
from typing import Annotated, Literal

from pydantic import AfterValidator, Field, model_validator

from r1v3.recipe.schema.section import Names, Positive, Rate, Section, Seed, Share

BalancedField = Literal["domain", "answer_type", "difficulty", "language", "source"]
AnswerForm = Literal["mcq", "mcq_multi", "fill", "open"]
Mode = Literal["slow", "nothink", "nowait"]
# Tasks and domains of the tiny world. `r1v3.data.world` draws them, and a test compares the two lists.
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
    """Sizes of an InternVL that is built from scratch; lengths in pixels, widths in features."""

    image_size: Positive
    """Side of a tile, in pixels."""
    patch_size: Positive
    """Side of a patch, in pixels."""
    vision_width: Positive
    """Features of the vision tower."""
    vision_layers: Positive
    """Layers of the vision tower."""
    vision_heads: Positive
    """Attention heads of the vision tower."""
    width: Positive
    """Features of the language model."""
    layers: Positive
    """Layers of the language model."""
    heads: Positive
    """Attention heads of the language model."""
    kv_heads: Positive
    """Attention heads of keys and values."""
    mlp_width: Positive
    """Features inside a feed-forward layer."""
    vocabulary: Positive
    """Most tokens of the tokenizer."""
    context: Positive
    """Most tokens of a conversation."""
    initial_spread: Rate
    """Standard deviation of the initial weights."""


class SystemPrompt(Section):
    """The system prompt that a model's authors use."""

    text: str
    """The prompt itself."""
    source: str
    """Where its authors state it."""


class ThinkingTags(Section):
    """The words that begin and end a thought of another group's model."""

    opens: str
    """What begins a thought, such as <think> or ◁think▷."""
    closes: str
    """What ends it."""


class HubModel(Section):
    """A model of the Hugging Face hub, at a revision; `id` may be a local folder.

    `mode` is the thinking mode: a model that was not trained to think is asked without a thought.
    """

    source: Literal["hub"]
    """Downloaded from a hub."""
    mode: Mode
    """The thinking mode in which it answers."""
    id: str
    """Its id at the hub, or a local folder."""
    revision: str
    """Commit, tag or branch."""
    system: SystemPrompt | None = None
    """Its authors' system prompt; null: that of its chat template."""
    tags: ThinkingTags | None = None
    """The words that begin and end its thoughts; null: <think> and </think>."""


class ScratchModel(Section):
    """A model that is built here, then trained by the named SFT settings on the named data set."""

    source: Literal["scratch"]
    """Built here from scratch."""
    mode: Mode
    """The thinking mode in which it answers."""
    architecture: Architecture
    """Its sizes."""
    tokenizer_data: list[str]
    """Data sets whose text the tokenizer learns from."""
    data: str
    """The data set that it learns from."""
    settings: str
    """The entry of `sft` that trains it."""


class TunedModel(Section):
    """A model that is tuned here from another model of the recipe."""

    source: Literal["tuned"]
    """Tuned here from another model."""
    mode: Mode
    """The thinking mode in which it answers."""
    start: str
    """The model that it starts from."""
    data: str
    """The data set that it learns from."""
    settings: str
    """The entry of `sft` that trains it."""


class AliasModel(Section):
    """Another name for a model of the recipe, for one model with two roles; no hash covers the name."""

    source: Literal["alias"]
    """The same as another model."""
    of: str
    """The model that it is."""


class ServedModel(Section):
    """A model behind a server, which applies the model's own chat template.

    `id` is the model's name at the server. The address of one's own server is set on each machine. `address`
    is that of a provider, and `key` names the environment variable with its key.
    """

    source: Literal["server"]
    """Served by a server."""
    mode: Mode
    """The thinking mode in which it answers."""
    id: str
    """The model's name at the server."""
    system: SystemPrompt | None = None
    """Its authors' system prompt; null: the recipe's."""
    form: Literal["openai", "anthropic"] = "openai"
    """The interface of its server: OpenAI's chat completions, or Anthropic's Messages."""
    address: str | None = None
    """The provider's address; null: the machine says where the server is."""
    key: str | None = None
    """The environment variable with the provider's key."""

    @model_validator(mode="after")
    def _a_key_is_for_an_address(self) -> "ServedModel":
        if self.key and not self.address:
            raise ValueError(
                "key: a key is sent to the provider's address alone; name that address too"
            )
        return self


Model = Annotated[HubModel | ScratchModel | TunedModel, Field(discriminator="source")]
NamedModel = Annotated[
    HubModel | ScratchModel | TunedModel | AliasModel, Field(discriminator="source")
]
Baseline = Annotated[HubModel | ServedModel, Field(discriminator="source")]


class WorldSource(Section):
    """Questions drawn from the tiny world (`r1v3.data.world`).

    `slip_rate` is the share of thoughts with one mistake that they correct. `told` is the share of questions
    whose cells are described in words, without a picture.
    """

    kind: Literal["world"]
    """Drawn from the tiny world."""
    tasks: Annotated[dict[Task, Rate], Field(min_length=1)]
    """Weight of each task."""
    forms: Annotated[dict[AnswerForm, Rate], Field(min_length=1)]
    """Weight of each form of answer."""
    domains: Annotated[dict[Domain, Rate], Field(min_length=1)]
    """Weight of each domain."""
    instances: Literal["train", "validation", "test"]
    """The split of digit images that pictures are made of."""
    respond: Literal["none", "direct", "chain", "slips", "instructed"]
    """What a question's response has; instructed: what an instruction after the question asks for."""
    slip_rate: Share
    """Share of thoughts with one mistake that they correct."""
    told: Share
    """Share of questions whose cells are described in words, without a picture."""
    seed: Seed
    """The seed of the drawing."""


class ListedSource(Section):
    """Rows of entries of `config/sources.yaml`; `split` selects among rows that name a split."""

    kind: Literal["listed"]
    """Entries of config/sources.yaml."""
    entries: Names
    """Names of the entries."""
    instead: list[str] = []
    """Entries that replace those that the recipe's `licences` rule out; unused if none is ruled out."""
    split: str
    """The split whose rows are taken."""
    instances: Literal["train", "validation", "test"]
    """What the set may be used for."""


class SourceSet(Section):
    """A data set that is taken from sources.

    `before`: samples that were published on this day or later are dropped (section 2 has 2024). `undated`
    says whether samples without a date are kept. `balance` has the weight of each value by field of the
    record; combinations have the product. `duplicates` are twins within the set, and `contaminated` are twins
    in the evaluations. They are dropped, only listed, or (`null`) not searched for.
    """

    kind: Literal["source"]
    """Taken from a source."""
    source: Annotated[WorldSource | ListedSource, Field(discriminator="kind")]
    """Where the questions come from."""
    size: Positive
    """Samples of the set."""
    stands_in_for: str | None
    """The report's data set that it replaces; null: none."""
    before: Date | None
    """Samples that were published on this day or later are dropped (section 2); null: no limit."""
    undated: Literal["keep", "drop"]
    """Whether samples without a date are kept or dropped."""
    balance: dict[BalancedField, dict[str, Rate]] | None
    """Weights of values by field of the record; null: no weights."""
    duplicates: Literal["drop", "list"] | None
    """Whether twins within the set are dropped or listed; null: not searched for."""
    contaminated: Literal["drop", "list"] | None
    """Whether twins in evaluations are dropped or listed; null: not searched for."""


class Judge(Section):
    """A model that judges whether each kept chain of thought rambles (section 3.2: GPT-4o).

    It is asked through an OpenAI-compatible server. A larger share without a verdict than `max_unjudged` is
    an error.
    """

    model: str
    """The judge's name at its endpoint."""
    max_unjudged: Share
    """Largest share of chains that may stay without a verdict."""


class RewardModel(Section):
    """A reward model behind a server (section 3.2: Skywork-VL-Reward); it drops chains below `least`."""

    model: str
    """The reward model's name at its endpoint."""
    least: float
    """Chains below this score are dropped."""
    max_unjudged: Share
    """Largest share of chains that may stay without a score."""


class Filters(Section):
    """The filters of section 3.2, in order; `null` or `false` switches one off.

    `max_tokens`: length of the response in tokens. `max_repetition`: share of the response that compression
    saves. `max_repeated_grams`: share of sequences of four words that are repeats. `max_reconsiderations`:
    number of critical words such as Wait. `max_other_script`: share of words outside the response's main
    script (language mixing). `format`: the report's template. `leakage`: the thought quotes a given answer
    ("the answer key says").
    """

    max_tokens: Positive | None
    """Most tokens of a response; null: off."""
    max_repetition: Share | None
    """Largest share of a response that compression may save; null: off."""
    max_repeated_grams: Share | None
    """Largest share of sequences of four words that are repeats; null: off."""
    max_reconsiderations: Positive | None
    """Most critical words such as Wait; null: off."""
    max_other_script: Share | None
    """Largest share of words outside the main script; null: off."""
    format: bool
    """Keep only responses in the report's template."""
    leakage: bool
    """Drop thoughts that quote a given answer."""
    judge: Judge | None
    """The model that judges whether a chain rambles; null: off."""
    reward_model: RewardModel | None
    """The model that scores a chain; null: off."""


class SampledSet(Section):
    """A data set whose answers a model writes; right answers are kept (section 2).

    `keep` selects among a question's right answers: the `first`, the `shortest`, or the `best` by the
    filters' reward model. `pass_rates`: a question with a smaller or a larger share of right answers is
    dropped; `null` keeps all. `otherwise` says what happens to a question without a kept answer. It is
    dropped, or it keeps the response that its source has `written`, as in STaR (Zelikman et al. 2022). Or the
    `question` stays alone with its pass rate, for reinforcement learning.
    """

    kind: Literal["sampled"]
    """Answered by a model."""
    questions: str
    """The data set whose questions are asked."""
    by: str
    """The run whose model answers."""
    checkpoint: Literal["last", "selected"]
    """Which checkpoint of that run."""
    ask: Literal["all", "unanswered"] = "all"
    """Which questions are asked: all, or those without a response; the others keep their responses."""
    samples: Positive
    """Answers to each question."""
    temperature: Annotated[float, Field(ge=0)]
    """Sampling temperature; 0 is greedy."""
    top_p: Annotated[Share, Field(gt=0)]
    """Nucleus of the sampling distribution; 1 is all of it."""
    max_new_tokens: Positive
    """Most tokens of an answer."""
    keep: Literal["first", "shortest", "best"]
    """Which of a question's right answers are kept."""
    keep_per_question: Positive
    """Most answers of a question that are kept."""
    otherwise: Literal["drop", "written", "question"]
    """What happens to a question without a kept answer."""
    pass_rates: tuple[Share, Share] | None
    """Smallest and largest share of right answers of a question that is kept; null: any."""
    filters: Filters
    """The filters of section 3.2."""
    seed: Seed
    """The seed of the sampling."""

    @model_validator(mode="after")
    def _best_needs_a_judge(self):
        if self.keep == "best" and self.filters.reward_model is None:
            raise ValueError("keep best needs filters.reward_model")
        return self


DataSet = Annotated[SourceSet | SampledSet, Field(discriminator="kind")]
