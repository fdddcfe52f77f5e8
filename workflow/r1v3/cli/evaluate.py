"""`r1v3 evaluate` and `r1v3 pages`: scores any model, and writes the pages of an evaluation."""

import sys
from pathlib import Path
from typing import Annotated, Literal

import typer

from r1v3.cli.options import HERE, Recipe, Root

INCOMPLETE = 3
OUT_OF_BUDGET = 4


def evaluate_command(
    model: Annotated[
        str | None,
        typer.Argument(
            help="a run's name, json or folder, a checkpoint's folder, a model of the recipe, a Hugging"
            " Face id, an address; none with --from"
        ),
    ] = None,
    benchmarks: Annotated[
        list[str] | None,
        typer.Argument(help="benchmarks of the table; without any, those of the recipe"),
    ] = None,
    recipe: Recipe = "tiny",
    root: Root = HERE,
    mode: Annotated[
        Literal["slow", "nothink", "nowait"] | None,
        typer.Option(help="thinking mode; without it, that of the model"),
    ] = None,
    name: Annotated[str | None, typer.Option(help="name of the results' folder")] = None,
    probe: Annotated[
        Literal["shuffled", "masked", "partial"] | None,
        typer.Option(
            help="ask with options shuffled, pictures masked, or the beginning of a question alone"
        ),
    ] = None,
    second_judge: Annotated[
        str | None,
        typer.Option(
            help="a second judge's name at R1V3_SECOND_JUDGE_URL, to show how far two agree"
        ),
    ] = None,
    answers: Annotated[
        Path | None,
        typer.Option(
            "--from", help="score this file of VLMEvalKit or lmms-eval instead of asking a model"
        ),
    ] = None,
    price: Annotated[
        bool, typer.Option("--price", help="only say what the answers will cost; nothing is asked")
    ] = False,
    batch: Annotated[
        bool,
        typer.Option(
            "--batch", help="ask through the provider's batch interface, for half the price"
        ),
    ] = False,
    budget: Annotated[
        float | None,
        typer.Option(
            min=0.0, help="stop before all answers of this evaluation cost more than this"
        ),
    ] = None,
) -> None:
    """Score any model on the recipe's benchmarks, outside the run table.

    A Hugging Face id may have a revision (`id@revision`). An OpenAI-compatible endpoint is an address with
    `#` and the model's name: `http://node:8000/v1#name`. Results are written to results/evaluations/<model>/.
    A second call continues there and asks only new benchmarks.

    `--from FILE [BENCHMARK]` asks no model. It scores answers in VLMEvalKit's result layout or in lmms-eval's
    sample log. Without BENCHMARK, the benchmark is read from the file's name.

    `--price` counts the tokens of questions without an answer and shows the price by config/prices.yaml.
    `--budget AMOUNT` stops before the costs exceed the amount; requests in flight count at their highest
    possible costs. Answers are stored, and are not paid again. `--batch` asks within a day, for half the
    price.

    The exit code is 3 if a benchmark, a row or the verifier was missing; the rest is scored.
    It is 4 if the budget stopped the answers; then nothing is scored.
    """
    from r1v3.evaluate.any_model import evaluate, evaluate_file, missing_parts, prepare_evaluation
    from r1v3.generate.server.usage import BudgetReached

    if (price or batch or budget is not None) and answers is not None:
        raise ValueError(
            "--from: stored answers cost nothing; leave out --price, --budget and --batch"
        )
    if answers is not None and (mode or probe):
        raise ValueError("--from: no model is asked; leave out --mode and --probe")
    if answers is not None:
        named = [each for each in (model, *(benchmarks or [])) if each]
        if len(named) > 1:
            raise ValueError(f"--from: a file answers one benchmark, not {', '.join(named)}")
        benchmark = named[0] if named else None
        folder = evaluate_file(
            root, recipe, answers, benchmark=benchmark, name=name, second_judge=second_judge
        )
    elif model is None:
        raise ValueError("a model, or --from FILE, is needed")
    else:
        ready = prepare_evaluation(
            root,
            recipe,
            model,
            benchmarks=benchmarks or None,
            mode=mode,
            name=name,
            probe=probe,
            second_judge=second_judge,
        )
        if price:
            from r1v3.evaluate.price import price_table
            from r1v3.render.text_table import as_markdown

            print(as_markdown(price_table(root, ready)))
            return
        try:
            folder = evaluate(root, ready, budget=budget, batch=batch)
        except BudgetReached as reached:
            print(f"r1v3: {reached}", file=sys.stderr)
            raise typer.Exit(OUT_OF_BUDGET) from None
    print(printed_tables(folder / "pages"))
    print(f"scores and verdicts: {folder}\npages: {folder / 'pages/index.html'}")
    lacking = missing_parts(folder)
    if lacking:
        print("\n".join(["not complete:", *lacking]), file=sys.stderr)
        raise typer.Exit(INCOMPLETE)


def printed_tables(pages: Path) -> str:
    """Return the text that a call prints: Table 1, or the probe's table instead, and what two judges say."""
    probe = pages / "probe.md"
    shown = [probe if probe.is_file() else pages / "table_1.md", pages / "judges.md"]
    return "\n".join(page.read_text() for page in shown if page.is_file())


def pages_command(
    evaluation: Annotated[Path, typer.Argument(help="results/evaluations/<run>/last/<suite>")],
    output: Annotated[Path, typer.Option(help="the folder of the pages")],
    against: Annotated[
        list[Path] | None, typer.Option(help="another evaluation to compare with, repeatable")
    ] = None,
    root: Root = HERE,
) -> None:
    """Write all pages of one evaluation: Table 1, protocols, figures, hallucination audit, errors."""
    from r1v3.evaluate.pages.pages import benchmarks_of, model_label, write_pages
    from r1v3.recipe.tables.benchmarks import load_table

    index = write_pages(
        evaluation,
        benchmarks_of(evaluation),
        load_table(root / "config" / "benchmarks.yaml"),
        output,
        name=model_label(evaluation),
        against={model_label(other): other for other in against or []},
    )
    print(index)
