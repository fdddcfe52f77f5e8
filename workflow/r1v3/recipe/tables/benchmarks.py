"""Reads and checks the benchmark table: one entry for each benchmark in `config/benchmarks.yaml`.

An entry says where the file comes from, how its rows become prompts, how answers are judged, what is
counted, which items form a cluster, and what the report published. If that is not enough, `code` names one
small module of `r1v3.evaluate.benchmarks`. A benchmark of the user's own is a short entry with `file`
(`OwnBenchmark`); the rest has defaults.

The name of a benchmark's folder has a hash of what decides its file. That of an evaluation's folder has a
hash of what decides the scores too (`Benchmark`). Titles, published scores and notes (`ListedBenchmark`) may
be edited without renaming either folder.
"""

import re
from pathlib import Path
from typing import Annotated, Any, Literal, cast

from pydantic import (
    AfterValidator,
    Field,
    WithJsonSchema,
    field_validator,
    model_validator,
)

from r1v3.recipe.entries import read_entries
from r1v3.recipe.errors import unknown
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
CODE = Path(__file__).parents[2] / "evaluate" / "benchmarks"  # a floor above: not imported


def _is_code(name: str | None) -> str | None:
    known = sorted(path.stem for path in CODE.glob("[a-z]*.py"))
    if name is not None and name not in known:
        raise ValueError(f"code: {unknown('module', name, known)}")
    return name


class UrlSource(Section):
    """A TSV file at a URL; its `md5` is checked, unless nobody publishes one (null)."""

    kind: Literal["url"]
    """A TSV at a URL."""
    url: str
    """Its address."""
    md5: Md5 | None
    """Its checksum; null: nobody publishes one."""


class HubSource(Section):
    """Files of a Hugging Face data set at a revision; `columns` renames their columns to ours."""

    kind: Literal["hub"]
    """Files of a hub's data set."""
    id: str
    """Its id."""
    revision: str
    """Commit, tag or branch."""
    files: list[str]
    """Names of the files."""
    md5: Md5 | None
    """Checksum of the TSV file that is made from them; null: none."""
    columns: dict[Column, Column]
    """Our names for their columns."""


class UserSource(Section):
    """A file that nobody publishes, so the user supplies it."""

    kind: Literal["user"]
    """A file that the user supplies."""
    describe: str
    """What the file must be."""


class OwnFile(Section):
    """A file of the user's own, which is read in place; every recipe uses it unchanged."""

    kind: Literal["own"]
    """A file of the user's own."""
    place: str
    """A path from the checkout, an absolute path, or a URL."""
    encoding: str | None = None
    """The encoding of its text, such as gbk; null: UTF-8, or what its byte order mark says."""


Source = Annotated[UrlSource | HubSource | UserSource | OwnFile, Field(discriminator="kind")]
FOUND = "found"


class BenchmarkLicence(Section):
    """The licence of a benchmark, and whether it allows training."""

    name: str | None
    """The licence as the card or repository states it; null: none was found."""
    training: Literal["allowed", "forbidden", "not stated"]
    """Whether the licence allows training."""
    note: str | None = None
    """What a reader must know."""


class BenchmarkPrompt(Section):
    """Templates of the user turn. `{name}` is a column, and `{options}` are the options, each as in `option`.

    `images`: `first` puts all pictures before the text, and `last` after it. `marked` puts each picture where
    the text has its mark: `<image 1>`, `<image_1>` or `<image1>`. Pictures without a mark come first.
    """

    choice: str
    """The user turn of a question with options."""
    open: str
    """The user turn of a question without options."""
    option: str
    """One option."""
    images: Literal["first", "last", "marked"]
    """Where pictures are put."""


class AnswerFormat(Section):
    """How a row's answer is read and judged.

    `form`: `choice` (one letter), `letters` (a set of letters), `yes_no`, `open`, or `mixed`, which is a
    choice if the row has options. `options`: they are in the columns A, B, ...; in lines of the `question`;
    in the `picture`; or in a column that has a list. With `found`, each row has them in the columns A, B,
    ..., or in a column `options`, or, for a choice, in lines of the question.
    """

    form: Literal["choice", "letters", "yes_no", "open", "mixed"]
    """What an answer is."""
    column: Column
    """The column of the right answer."""
    options: Literal["columns", "question", "picture", "found"] | Column | None
    """Where the options are; null: there are none."""
    alternatives: bool = False
    """Whether any answer of a list is right."""


class PublishedScore(Section):
    """A score of the report's Table 1; `by_authors` if the report marks it with an asterisk."""

    score: float
    """The score, in percent."""
    by_authors: bool
    """Whether the report's authors measured it."""


class Released(Section):
    """What the published evaluation code did differently from the report (protocol `released`)."""

    temperature: float
    """Sampling temperature."""
    max_new_tokens: Annotated[int, Field(strict=True)]
    """Most tokens of an answer."""
    rule: Literal["judge", "boxed_or_judge"]
    """What decides whether an answer is right."""


class UnreadableRows(Section):
    """How rows are treated that are damaged, have no right answer, or have a broken picture."""

    scored: Literal["wrong", "left out"] = "wrong"
    """Whether such a row counts as wrong, or not at all; the number of rows is shown either way."""
    rows: Annotated[int, Field(ge=0, strict=True)] = 5
    """Most such rows that are allowed in any file."""
    share: Annotated[float, Field(ge=0, le=1)] = 0.02
    """Most such rows as a share of the file's; with more than both, the benchmark is not scored."""


class Miniature(Section):
    """A small copy from the tiny world: its domains and tasks, and the prompts of its model's training."""

    domains: list[str]
    """Domains of the tiny world whose questions are asked."""
    tasks: list[str]
    """Tasks of the tiny world whose questions are asked."""
    prompt: BenchmarkPrompt
    """The prompts that the tiny model was trained with."""


class Check(Section):
    """A point in which a benchmark is compared with the original."""

    point: str
    """What is compared with the original."""
    same: bool | None
    """Whether it is the same as in the original; null: not known."""
    note: str | None = None
    """How it differs."""


class Benchmark(Section):
    """The part of an entry that decides scores, and so is hashed."""

    version: Annotated[int, Field(gt=0, strict=True)]
    """Raised by hand when the meaning of the entry changes."""
    source: Source
    """Where the file comes from."""
    select: dict[Column, str]
    """Rows that count: those with this value in each of these columns."""
    needs_picture: bool
    """Whether a row without a picture is dropped."""
    items: Annotated[int, Field(gt=0, strict=True)] | None
    """Number of items; null: as many as the file has rows."""
    items_confirmed: bool
    """Whether that number was confirmed in the file."""
    prompt: BenchmarkPrompt
    """The prompts."""
    answer: AnswerFormat
    """How an answer is read and judged."""
    code: Annotated[str | None, AfterValidator(_is_code)]
    """The module of r1v3.evaluate.benchmarks that this benchmark needs; null: none."""
    scorer: Literal["accuracy", "circular", "points", "code"]
    """What is counted."""
    by: list[Column]
    """Columns by which scores are split."""
    cluster: list[Column]
    """Columns whose equal values form a cluster in intervals."""
    judge: Literal["never", "where rules fail", "needed"]
    """When a model judges."""
    released: Released
    """What the released code did."""
    miniature: Miniature | None = None
    """A small copy from the tiny world; null: there is none, and every recipe reads the file."""
    unreadable: UnreadableRows = UnreadableRows()
    """How rows are treated that cannot be read."""

    @model_validator(mode="after")
    def _code_where_it_is_needed(self):
        if self.scorer == "code" and self.code is None:
            raise ValueError("scorer: code needs `code`, the module that scores")
        return self


# Published scores as the table has them: 46.9, or '46.9*' for a score that the report's authors measured.
WRITTEN_SCORES = {
    "type": "object",
    "propertyNames": {"enum": list(MODELS)},
    "additionalProperties": {
        "anyOf": [{"type": "number"}, {"type": "string", "pattern": r"^\d+(\.\d+)?\*?$"}]
    },
    "description": "Scores of the report's Table 1 by model, in percent; a star marks its authors' own.",
}


def read_published(scores: object) -> dict[str, Any]:
    """Return published scores by model as `PublishedScore`; the report's authors measured `46.9*`.

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
    """A benchmark with its description for readers, which changes no score."""

    title: str
    """Its name in tables."""
    group: str
    """Its group in Table 1, or a heading of your own."""
    counts: str
    """What its score counts, in words."""
    licence: BenchmarkLicence
    """Its licence."""
    questions: Annotated[int, Field(gt=0, strict=True)] | None = None
    """Number of questions that a model is asked, if that is more than the items."""
    in_distribution: str | None = None
    """Why training data may resemble it."""
    published: Annotated[dict[str, PublishedScore], WithJsonSchema(WRITTEN_SCORES)]
    published_points: dict[str, float] | None = None
    """Scores in points instead of percent."""
    checklist: list[Check]
    """Points in which it is compared with the original."""

    @field_validator("published", mode="before")
    @classmethod
    def _asterisks(cls, scores: object) -> dict[str, Any]:
        """Read `46.9*` as a score that the report's authors measured themselves."""
        return read_published(scores)

    def hashed(self) -> dict[str, object]:
        """Return the part that decides scores: only keys that the table states, and none of `TOLD`."""
        return self.model_dump(exclude_unset=True, exclude=set(TOLD))

    def asked(self, made_from: Literal["files", "miniature"]) -> dict[str, object]:
        """Return the part that decides scores, with the miniature's own prompts for a miniature."""
        entry = self.hashed()
        if made_from == "miniature" and self.miniature is not None:
            entry["prompt"] = self.miniature.prompt.model_dump(exclude_unset=True)
        return entry


TOLD = tuple(key for key in ListedBenchmark.model_fields if key not in Benchmark.model_fields)


class OwnPrompt(Section):
    """Templates of the user turn; a template that is left out follows from the entry's `form`."""

    choice: str | None = None
    """The user turn of a question with options."""
    open: str | None = None
    """The user turn of a question without options."""
    option: str = "{letter}. {text}"
    """One option."""
    images: Literal["first", "last", "marked"] = "marked"
    """Where pictures are put: first, last, or where the text has <image 1>; without a mark, first."""


ASKED = "{hint}\n{question}\n{options}\n"
ENDINGS = {
    "choice": "Answer with the letter of the right option.",
    "letters": "Answer with the letters of all right options.",
    "yes_no": "Answer with yes or no.",
    "mixed": "Answer with the letter of the right option.",
    "open": "",
}


class OwnBenchmark(Section):
    """A benchmark of the user's own. `listed` makes the complete entry.

    Its file has a column `answer`, and `question`, `image` or both. Options are in the columns A, B, ...,
    in a column `options`, or in lines of the question.
    """

    title: str
    """Its name in tables."""
    file: str
    """A .tsv, .csv, .json, .jsonl or .parquet file: a path from the checkout, an absolute path, or a URL."""
    encoding: str | None = None
    """The encoding of a text file, such as gbk or latin-1; null: UTF-8, or what its byte order mark says."""
    form: Literal["choice", "letters", "yes_no", "open", "mixed"]
    """What an answer is: a letter, letters, yes or no, open, or mixed: a letter if the row has options."""
    metric: Literal["accuracy", "circular", "points"] = "accuracy"
    """The share of right rows; that of values of `cluster` with only right rows; or the column `points`."""
    group: str = "Your own"
    """The heading that it is shown under."""
    prompt: str | OwnPrompt = OwnPrompt()
    """The prompt, with columns as {question} and {options}; keys that are null follow from the form."""
    by: list[Column] = []
    """Columns by which scores are split."""
    published: Annotated[dict[str, Any], WithJsonSchema(WRITTEN_SCORES)] = {}

    @field_validator("encoding")
    @classmethod
    def _is_known(cls, encoding: str | None) -> str | None:
        try:
            if encoding is not None:
                "".encode(encoding)  # codecs of bytes, such as hex, are refused too
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
        """Return the complete entry."""
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
        # Left out if it is null, as in entries that are older than the key.
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
    """Return the class of an entry of the table; a short entry has `file`."""
    return OwnBenchmark if isinstance(entry, dict) and "file" in entry else ListedBenchmark


def read_entry(entry: object) -> ListedBenchmark:
    """Return an entry of the table as a complete entry.

    Raises:
        ValidationError: it does not fit the class that `entry_kind` returns.
    """
    read = entry_kind(entry).model_validate(entry)
    return read.listed() if isinstance(read, OwnBenchmark) else read


def load_table(path: Path) -> dict[str, ListedBenchmark]:
    """Read and check `config/benchmarks.yaml`, in the file's order.

    Raises:
        RecipeError: with one line for each mistake.
    """
    return read_entries(path, read_entry, entry_kind)


def refuse_forbidden_use(
    name: str, entry: ListedBenchmark, use: Literal["training", "evaluation"]
) -> None:
    """Refuse a use of a benchmark that its licence forbids.

    Raises:
        ValueError: the use is training, and the benchmark's licence forbids it.
    """
    if use == "training" and entry.licence.training == "forbidden":
        note = f"; {entry.licence.note}" if entry.licence.note else ""
        raise ValueError(
            f"{name} ({entry.title}) may not be trained on: {entry.licence.name}{note}"
        )
