"""The benchmark table: one entry a benchmark in `config/benchmarks.yaml`, read and checked.

An entry says where the file comes from, how its rows become prompts, how answers are judged, what is
counted, which items form a cluster, and what the report published. Where an entry is not enough, `code` names
one small module of `r1v3.evaluate.benchmarks`. A benchmark of the user's own is a short entry with `file`
(`OwnBenchmark`), and the rest has defaults. A benchmark's folder is named by a hash of what decides its
file, an evaluation's folder by what decides its scores as well (`Benchmark`). Titles, published scores and
notes (`ListedBenchmark`) may be edited without renaming either.
"""

import re
from pathlib import Path
from typing import Annotated, Any, Literal, cast

from pydantic import (
    AfterValidator,
    Field,
    ValidationError,
    WithJsonSchema,
    field_validator,
    model_validator,
)

from r1v3.recipe.errors import RecipeError, explain, unknown
from r1v3.recipe.layers import read_yaml
from r1v3.recipe.names import shown_name, why_no_name
from r1v3.recipe.schema.section import Section

MODELS = {
    "skywork_r1v3_38b": "Skywork-R1V3-38B",
    "qvq_72b_preview": "QVQ-72B-Preview",
    "internvl3_78b": "InternVL3-78B",
    "qwen25_vl_72b": "Qwen2.5-VL-72B",
    "claude_37_sonnet": "Claude 3.7 Sonnet",
    "gpt_4o": "GPT-4o",
}
Column = str
Md5 = Annotated[str, Field(pattern="^[0-9a-f]{32}$")]
CODE = Path(__file__).parents[2] / "evaluate" / "benchmarks"  # a floor above, so only looked at


def _is_code(name: str | None) -> str | None:
    known = sorted(path.stem for path in CODE.glob("[a-z]*.py"))
    if name is not None and name not in known:
        raise ValueError(f"code: {unknown('module', name, known)}")
    return name


class BenchmarkPart(Section):
    """A level of the table; its keys are closed."""


class UrlSource(BenchmarkPart):
    """A TSV at a URL; `md5` is checked, `None` only where nobody publishes one."""

    kind: Literal["url"]
    """A TSV at a URL."""
    url: str
    """Its address."""
    md5: Md5 | None
    """Its checksum; null: nobody publishes one."""


class HubSource(BenchmarkPart):
    """Files of a Hugging Face data set at a revision; `columns` renames theirs to ours."""

    kind: Literal["hub"]
    """Files of a hub's data set."""
    id: str
    """Its id."""
    revision: str
    """Commit, tag or branch."""
    files: list[str]
    """Names of the files."""
    md5: Md5 | None
    """Checksum of the TSV that they become; null: none."""
    columns: dict[Column, Column]
    """Our names for columns of theirs."""


class UserSource(BenchmarkPart):
    """A file that nobody publishes: the user puts it there."""

    kind: Literal["user"]
    """A file that the user supplies."""
    describe: str
    """What the file must be."""


class OwnFile(BenchmarkPart):
    """A file of the user's own, read where it lies; any recipe asks it as it is."""

    kind: Literal["own"]
    """A file of the user's own."""
    place: str
    """A path from the checkout, an absolute path, or a URL."""
    encoding: str | None = None
    """How its text is written, such as gbk; null: UTF-8, or what its byte order mark says."""


Source = Annotated[UrlSource | HubSource | UserSource | OwnFile, Field(discriminator="kind")]
FOUND = "found"


class BenchmarkLicence(BenchmarkPart):
    """The licence as its card or repository states it (`None`: not seen), and whether training is allowed."""

    name: str | None
    """The licence as its card or repository states it; null: none seen."""
    training: Literal["allowed", "forbidden", "not stated"]
    """Whether it lets one train."""
    note: str | None = None
    """What a reader must know."""


class BenchmarkPrompt(BenchmarkPart):
    """Templates of the user turn; `{name}` is a column, `{options}` the options, each by `option`.

    `images`: `first` puts every picture before the text, `last` after it, `marked` where the text says
    `<image 1>`, `<image_1>` or `<image1>` (pictures without a mark come first).
    """

    choice: str
    """The user turn of a question with options."""
    open: str
    """The user turn of a question without options."""
    option: str
    """One option."""
    images: Literal["first", "last", "marked"]
    """Where pictures stand."""


class AnswerFormat(BenchmarkPart):
    """How a row's answer is read and judged.

    `form`: `choice` (one letter), `letters` (a set of them), `yes_no`, `open`, or `mixed`: a choice
    where the row has options. `options`: in the columns A, B, ...; as lines of the `question`; in the
    `picture`; in a column that holds a list; or `found` for each row in the columns A, B, ..., else in a
    column `options`, else in lines of the question of a choice.
    """

    form: Literal["choice", "letters", "yes_no", "open", "mixed"]
    """What an answer is."""
    column: Column
    """The column that holds it."""
    options: Literal["columns", "question", "picture", "found"] | Column | None
    """Where the options are; null: there are none."""
    alternatives: bool = False
    """Whether a list of answers means that any one is right."""


class PublishedScore(BenchmarkPart):
    """A score of the report's Table 1; `by_authors` where the report marks it with an asterisk."""

    score: float
    """The score, in percent."""
    by_authors: bool
    """Whether the report's authors measured it."""


class Released(BenchmarkPart):
    """What the published evaluation code did, where it differs from the report (protocol `released`)."""

    temperature: float
    """Sampling temperature."""
    max_new_tokens: Annotated[int, Field(strict=True)]
    """Most tokens of an answer."""
    rule: Literal["judge", "boxed_or_judge"]
    """Who decides."""


class UnreadableRows(BenchmarkPart):
    """What becomes of rows that cannot be read: damaged, without a right answer, or with a broken picture."""

    scored: Literal["wrong", "left out"] = "wrong"
    """Whether such a row counts as wrong, or not at all; its number is shown either way."""
    rows: Annotated[int, Field(ge=0, strict=True)] = 5
    """So many of them are allowed in any file."""
    share: Annotated[float, Field(ge=0, le=1)] = 0.02
    """So many are allowed as a share of the file's rows; with more, the benchmark is not scored."""


class Miniature(BenchmarkPart):
    """The small copy from the tiny world: domains and tasks asked, and prompts that its model was taught."""

    domains: list[str]
    """Domains of the tiny world that are asked."""
    tasks: list[str]
    """Tasks of the tiny world that are asked."""
    prompt: BenchmarkPrompt
    """The prompts that its model was taught."""


class Check(BenchmarkPart):
    """A point of 'the same as the original?'."""

    point: str
    """What is compared with the original."""
    same: bool | None
    """Whether it is the same; null: not known."""
    note: str | None = None
    """How it differs."""


class Benchmark(BenchmarkPart):
    """What decides a benchmark's scores, and so is hashed."""

    version: Annotated[int, Field(gt=0, strict=True)]
    """Raised by hand when the entry changes its meaning."""
    source: Source
    """Where the file comes from."""
    select: dict[Column, str]
    """Rows that count: a value for each of these columns."""
    needs_picture: bool
    """Whether a row without a picture is dropped."""
    items: Annotated[int, Field(gt=0, strict=True)] | None
    """How many items it has; null: as many as its file has rows."""
    items_confirmed: bool
    """Whether that number was seen in the file."""
    prompt: BenchmarkPrompt
    """What is asked."""
    answer: AnswerFormat
    """How an answer is read and judged."""
    code: Annotated[str | None, AfterValidator(_is_code)]
    """The module of r1v3.evaluate.benchmarks that helps; null: none."""
    scorer: Literal["accuracy", "circular", "points", "code"]
    """What is counted."""
    by: list[Column]
    """Columns by which scores are split."""
    cluster: list[Column]
    """Columns whose equal values hang together in intervals."""
    judge: Literal["never", "where rules fail", "needed"]
    """When a model judges."""
    released: Released
    """What the released code did."""
    miniature: Miniature | None = None
    """The small copy from the tiny world; null: there is none, and every recipe reads the file."""
    unreadable: UnreadableRows = UnreadableRows()
    """What becomes of rows that cannot be read."""

    @model_validator(mode="after")
    def _code_where_it_is_needed(self):
        if self.scorer == "code" and self.code is None:
            raise ValueError("scorer: code needs `code`, the module that scores")
        return self


# How the table writes published scores: 46.9, or '46.9*' where the report's authors measured it.
WRITTEN_SCORES = {
    "type": "object",
    "propertyNames": {"enum": list(MODELS)},
    "additionalProperties": {
        "anyOf": [{"type": "number"}, {"type": "string", "pattern": r"^\d+(\.\d+)?\*?$"}]
    },
    "description": "Scores of the report's Table 1 by model, in percent; a star marks its authors' own.",
}


def read_published(scores: object) -> dict[str, Any]:
    """Published scores by model as `PublishedScore` has them; `46.9*` was measured by the report's authors.

    Raises:
        ValueError: a model is not one of `MODELS`, or a score is not a number.
    """
    if not isinstance(scores, dict):
        raise ValueError("a mapping of models to scores is expected")
    read: dict[str, Any] = {}
    for model, score in cast("dict[str, Any]", scores).items():
        if model not in MODELS:
            raise ValueError(f"{model!r} must be one of {', '.join(MODELS)}")
        if isinstance(score, dict):
            read[model] = score
            continue
        match = re.fullmatch(r"(\d+(?:\.\d+)?)(\*?)", str(score))
        if match is None:
            raise ValueError(f"{score!r} is not a score such as 46.9 or 46.9*")
        read[model] = {"score": float(match[1]), "by_authors": bool(match[2])}
    return read


class ListedBenchmark(Benchmark):
    """A benchmark with what its readers are told, which changes no score."""

    title: str
    """Its name in tables."""
    group: str
    """Its group in Table 1, or a heading of your own."""
    counts: str
    """What its score counts, in words."""
    licence: BenchmarkLicence
    """Its licence."""
    questions: Annotated[int, Field(gt=0, strict=True)] | None = None
    """How many questions are put to a model, where that is more than its items."""
    in_distribution: str | None = None
    """Why training data may be like it."""
    published: Annotated[dict[str, PublishedScore], WithJsonSchema(WRITTEN_SCORES)]
    published_points: dict[str, float] | None = None
    """Scores in points instead of percent."""
    checklist: list[Check]
    """Is it the same as the original?"""

    @field_validator("published", mode="before")
    @classmethod
    def _asterisks(cls, scores: object) -> dict[str, Any]:
        """`46.9*` is a score that the report's authors measured themselves."""
        return read_published(scores)

    def hashed(self) -> dict[str, object]:
        """The part that decides scores: only keys that the table states, and none of `TOLD`."""
        return self.model_dump(exclude_unset=True, exclude=set(TOLD))

    def asked(self, made_from: Literal["files", "miniature"]) -> dict[str, object]:
        """The part that decides scores; a miniature is asked with the prompts that its model was taught."""
        entry = self.hashed()
        if made_from == "miniature" and self.miniature is not None:
            entry["prompt"] = self.miniature.prompt.model_dump(exclude_unset=True)
        return entry


TOLD = tuple(key for key in ListedBenchmark.model_fields if key not in Benchmark.model_fields)


class OwnPrompt(BenchmarkPart):
    """Templates of the user turn; what is left out is as for the entry's `form`."""

    choice: str | None = None
    """The user turn of a question with options."""
    open: str | None = None
    """The user turn of a question without options."""
    option: str = "{letter}. {text}"
    """One option."""
    images: Literal["first", "last", "marked"] = "marked"
    """Where pictures stand: first, last, or where the text says <image 1>; without a mark, first."""


ASKED = "{hint}\n{question}\n{options}\n"
ENDINGS = {
    "choice": "Answer with the letter of the right option.",
    "letters": "Answer with the letters of all right options.",
    "yes_no": "Answer with yes or no.",
    "mixed": "Answer with the letter of the right option.",
    "open": "",
}


class OwnBenchmark(BenchmarkPart):
    """A benchmark of the user's own. `listed` gives the whole entry.

    Its file has a column `answer`, and `question`, `image` or both. Options stand in the columns A, B, ...,
    in a column `options`, or in lines of the question.
    """

    title: str
    """Its name in tables."""
    file: str
    """A .tsv, .csv, .json, .jsonl or .parquet file: a path from the checkout, an absolute path, or a URL."""
    encoding: str | None = None
    """How a text file is written, such as gbk or latin-1; null: UTF-8, or what its byte order mark says."""
    form: Literal["choice", "letters", "yes_no", "open", "mixed"]
    """What an answer is: a letter, letters, yes or no, open, or mixed, a letter where a row has options."""
    metric: Literal["accuracy", "circular", "points"] = "accuracy"
    """Share right; right in all rows of one value in the column `cluster`; or of the column `points`."""
    group: str = "Your own"
    """The heading that it stands under."""
    prompt: str | OwnPrompt = OwnPrompt()
    """What is asked, with columns as {question} and {options}; null keys as fits the form."""
    by: list[Column] = []
    """Columns by which scores are split."""
    published: Annotated[dict[str, Any], WithJsonSchema(WRITTEN_SCORES)] = {}

    @field_validator("encoding")
    @classmethod
    def _is_known(cls, encoding: str | None) -> str | None:
        try:
            if encoding is not None:
                "".encode(encoding)  # refuses codecs of bytes, such as hex, too
        except LookupError:
            raise ValueError(
                f"{encoding!r} is no encoding of text, such as gbk, big5 or latin-1"
            ) from None
        return encoding

    @field_validator("published")
    @classmethod
    def _known(cls, scores: dict[str, Any]) -> dict[str, Any]:
        return read_published(scores)

    @field_validator("prompt")
    @classmethod
    def _shows_the_row(cls, prompt: str | OwnPrompt) -> str | OwnPrompt:
        texts = [prompt] if isinstance(prompt, str) else [prompt.choice, prompt.open]
        if any(text is not None and not COLUMN.search(text) for text in texts):
            raise ValueError("a column such as {question} must stand in it")
        return prompt

    def listed(self) -> ListedBenchmark:
        """The whole entry."""
        asked = self.prompt
        if isinstance(asked, str):
            asked = OwnPrompt(choice=asked, open=asked)
        prompt = BenchmarkPrompt(
            choice=(ASKED + ENDINGS[self.form]).rstrip() if asked.choice is None else asked.choice,
            open=ASKED.rstrip() if asked.open is None else asked.open,
            option=asked.option,
            images=asked.images,
        )
        options = None if self.form in ("open", "yes_no") else FOUND
        # Left out where it is null, as in entries that are older than the key.
        written = {} if self.encoding is None else {"encoding": self.encoding}
        return ListedBenchmark(
            title=self.title,
            group=self.group,
            version=1,
            source=OwnFile(kind="own", place=self.file, **written),
            select={},
            needs_picture=False,
            items=None,
            items_confirmed=False,
            counts="items",
            licence=BenchmarkLicence(name=None, training="not stated"),
            prompt=prompt,
            answer=AnswerFormat(
                form=self.form, column="answer", options=options, alternatives=True
            ),
            code=None,
            scorer=self.metric,
            by=self.by,
            cluster=["cluster"] if self.metric == "circular" else ["index"],
            judge="where rules fail",
            published=self.published,
            released=Released(temperature=0.0, max_new_tokens=16384, rule="judge"),
            checklist=[],
        )


COLUMN = re.compile(r"\{[^\W\d][\w-]*\}")


def entry_kind(entry: object) -> type[ListedBenchmark | OwnBenchmark]:
    """The class of an entry of the table: a short one says `file`."""
    return OwnBenchmark if isinstance(entry, dict) and "file" in entry else ListedBenchmark


def read_entry(entry: object) -> ListedBenchmark:
    """An entry of the table as its whole self.

    Raises:
        ValidationError: it is not as `entry_kind` must be.
    """
    read = entry_kind(entry).model_validate(entry)
    return read.listed() if isinstance(read, OwnBenchmark) else read


def load_table(path: Path) -> dict[str, ListedBenchmark]:
    """Read and check `config/benchmarks.yaml`, in the file's order.

    Raises:
        RecipeError: with one line for each mistake.
    """
    read: dict[str, ListedBenchmark] = {}
    lines: list[str] = []
    for name, entry in read_yaml(path).items():
        if why := why_no_name(name):
            lines.append(f"{path}: {shown_name(name)}: {why}")
            continue
        try:
            read[name] = read_entry(entry)
        except ValidationError as error:
            kind = entry_kind(entry)
            lines += explain(error, kind, entry, lambda _, name=name: f"{path}: {name}")
    if lines:
        raise RecipeError(lines)
    return read


def refuse_forbidden_use(
    name: str, entry: ListedBenchmark, use: Literal["training", "evaluation"]
) -> None:
    """The licence gate: a benchmark whose terms forbid a use is refused for that use.

    Raises:
        ValueError: training on a benchmark is asked for and its terms forbid it.
    """
    if use == "training" and entry.licence.training == "forbidden":
        note = f"; {entry.licence.note}" if entry.licence.note else ""
        raise ValueError(
            f"{name} ({entry.title}) may not be trained on: {entry.licence.name}{note}"
        )
