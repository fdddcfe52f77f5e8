"""Rounds of chaos: damage a copy of a finished tree, call Snakemake as a person would, compare the bytes."""

import hashlib
import random
import re
import time
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from r1v3.base.atomic_write import write_text
from r1v3.base.file_hash import files_sha256
from r1v3.chaos.fault import Fault
from r1v3.chaos.server import VerifierServer
from r1v3.chaos.tree import Hung, Tree

TRACEBACK = "Traceback (most recent call last)"
LONGEST = 180  # most characters of a message in the table
BEGINS = re.compile(r"grpo rl-\w+: starting")
GOES_ON = re.compile(r"/rl-\w+/\S*: going on after step (\d+)")
CALLS = 2  # calls after a fault: one, and another after doing what the first one asked for
BYTECODE = ".bytecode"  # folder of compiled modules in the work folder
CODE = ".code"  # file in the folder of an undisturbed run: the digest of the code that made it


@dataclass(frozen=True)
class Outcome:
    """The outcome of a round."""

    fault: str
    survived: bool | None  # None if it was not tried
    redone: str
    message: str
    seconds: float


def undisturbed(root: Path, folder: Path, verifier: VerifierServer) -> Tree:
    """Return a tree in which everything was made once; it is taken from `folder` if it was made before.

    Raises:
        ValueError: other code made it.
        Hung: the run failed, although there was no fault.
    """
    tree = Tree(root, folder, random.Random(0), verifier)
    code, note = code_digest(root), folder / CODE
    if note.exists() and note.read_text() != code:
        raise ValueError(f"{folder}: made by other code, whose results may differ; delete it")
    if not (folder / "results" / "runs" / "rl.json").exists():
        tree.fill()
        write_text(note, code)
        call = tree.call()
        if call.wait():
            raise Hung(f"the undisturbed run failed: {call.said()[-2000:]}")
    return tree


def code_digest(root: Path) -> str:
    """Return a digest of everything that decides the results: workflow and configuration, without faults."""
    faults = root / "workflow" / "r1v3" / "chaos" / "faults"
    files = [
        path
        for part in ("workflow", "config")
        for path in sorted((root / part).rglob("*"))
        if path.suffix in (".py", ".yaml", ".smk") and faults not in path.parents
    ]
    digests = files_sha256(files)
    lines = [f"{digests[path]}  {path.relative_to(root)}\n" for path in files]
    return hashlib.sha256("".join(lines).encode()).hexdigest()


def play(
    root: Path, faults: list[Fault], work: Path, *, seed: int, minutes: float, baseline: Path | None
) -> list[Outcome]:
    """Play each fault, in an order drawn by the seed, and its cases in turn, until the time is over.

    A round begins only if it would end in time when it takes as long as the longest so far. One round is
    always played. The time of the undisturbed run before them counts.

    Args:
        root: root of the checkout.
        work: a folder for copies; each is deleted when its round is over.
        minutes: time for all rounds; 0 plays each case of each fault once.
        baseline: folder of an undisturbed run, which is made if absent; None for a new one.
    """
    began = time.monotonic()
    draw = random.Random(seed)
    outcomes: list[Outcome] = []
    with VerifierServer() as verifier:
        whole = undisturbed(root, baseline or work / "undisturbed", verifier)
        expected = whole.outcome()
        print(f"undisturbed: {len(expected)} files, {time.monotonic() - began:.0f} s", flush=True)
        for fault, case in _in_turn(faults, draw, endless=minutes > 0):
            longest = max((outcome.seconds for outcome in outcomes), default=0)
            if minutes and outcomes and time.monotonic() - began + longest > 60 * minutes:
                break
            tree = Tree(
                root,
                work / "hurt",
                random.Random(draw.random()),
                verifier,
                bytecode=whole.folder / BYTECODE,
            )
            tree.fill(whole.folder)
            try:
                outcomes.append(_round(tree, fault, case, expected))
            finally:
                verifier.live()
                tree.end()
            last = outcomes[-1]
            word = {True: "survived", False: "FAILED", None: "not tried"}[last.survived]
            summary = f"{word}  {last.fault}  ({last.seconds:.0f} s, redone: {last.redone})"
            print(f"{summary}  {last.message}", flush=True)
    return outcomes


def _in_turn(
    faults: list[Fault], draw: random.Random, *, endless: bool
) -> Iterator[tuple[Fault, str]]:
    """Yield the first case of each fault, then the second ones, so that a short time covers many faults."""
    while True:
        cases = {fault.name: draw.sample(fault.cases, len(fault.cases)) for fault in faults}
        for number in range(max(map(len, cases.values()))):
            for fault in draw.sample(faults, len(faults)):
                if number < len(cases[fault.name]):
                    yield fault, cases[fault.name][number]
        if not endless:
            return


def _round(tree: Tree, fault: Fault, case: str, expected: dict[str, object]) -> Outcome:
    began = time.monotonic()
    name = f"{fault.what}: {case}" if case else fault.what
    if reason := fault.possible():
        return Outcome(name, None, "-", f"not tried: {reason}", 0.0)
    tree.forget(*fault.again)
    before, steps, hurt = tree.complete(), 0, 0
    try:
        fault.strike(tree, *([case] if case else []))
        steps, hurt = tree.steps(), len(tree.calls)
        failed = _go_on(tree, fault)
    except Hung as error:
        failed = str(error)
    found = tree.outcome() if not failed else {}
    wrong = [key for key in {*expected, *found} if expected.get(key) != found.get(key)]
    after = tree.complete()
    again = [key for key, made in before.items() if after.get(key) != made and key not in tree.hurt]
    after_harm = "\n".join(call.said() for call in tree.calls[hurt:])
    before_that = [*(call.said() for call in tree.calls[:hurt]), *tree.heard]
    message = _line(after_harm, fault.says) or _line("\n".join(before_that), fault.says)
    if not failed and wrong:
        failed = f"other bytes: {', '.join(sorted(wrong)[:3])}"
    if not failed and again:
        failed = f"made again though complete: {', '.join(again)}"
    if not failed and fault.says and not message:
        failed = f"no line says {fault.says}"
    redone = redone_work(sorted(tree.hurt), steps if "rl" in fault.again else 0, after_harm)
    return Outcome(name, not failed, redone, failed or message, time.monotonic() - began)


def redone_work(folders: list[str], steps: int, said: str) -> str:
    """Say what was made twice: folders that were deleted because they were damaged, and steps of RL.

    Args:
        steps: number of steps in the curve when the damage was done.
        said: screen output of the calls afterwards, which names the step from which RL continued.
    """
    gone_on = [int(step) for step in GOES_ON.findall(said)]
    begun = bool(BEGINS.search(said)) and not gone_on
    twice = max(0, steps - gone_on[0]) if gone_on else steps * begun
    parts = [*folders, *([f"{twice} step{'s' * (twice > 1)}"] if twice else [])]
    return ", ".join(parts) or "nothing"


def _go_on(tree: Tree, fault: Fault) -> str:
    """Call Snakemake as a person would until everything is made. Return what went wrong, if anything."""
    for number in range(CALLS):
        call = tree.call()
        if call.wait() == 0:
            return ""
        if TRACEBACK in call.said():
            return f"a traceback: {call.said()[-300:]}"
        if number + 1 < CALLS:
            fault.mend(tree)
    return f"it did not go on: {tree.calls[-1].said()[-600:]}"


def _line(said: str, pattern: str) -> str:
    """Return the last line with the pattern: a stage reports its start first, then where it continues."""
    if not pattern:
        return "goes on"
    found = [line.strip() for line in said.splitlines() if re.search(pattern, line)]
    return found[-1] if found else ""


def table_of(outcomes: list[Outcome]) -> str:
    """Return the rounds by fault, as a Markdown table."""
    grouped: dict[str, list[Outcome]] = defaultdict(list)
    for outcome in outcomes:
        grouped[outcome.fault].append(outcome)
    lines = ["| fault | times | survived | redone work | message |", "| -- | -- | -- | -- | -- |"]
    for name, rounds in sorted(grouped.items()):
        tried = [o for o in rounds if o.survived is not None]
        survived = sum(o.survived is True for o in tried)
        shown = next((o for o in rounds if o.survived is False), rounds[0])
        cells = [name, str(len(tried)), str(survived), shown.redone, _shorten(shown.message)]
        lines.append("| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |")
    return "\n".join(lines)


def _shorten(message: str) -> str:
    """Shorten a message to one line of a table, without digits of hashes and folders above results/."""
    text = " ".join(message.split())
    text = re.sub(r"\S*?results/", "results/", text)
    text = re.sub(r"-[0-9a-f]{10}\b", "", text)
    return text if len(text) <= LONGEST else f"{text[: LONGEST - 2]} …"
