"""Hostile answers: bounded time and memory, nothing executed, one verdict each.

Covers of `maths/`: workers, sandbox.
"""

import logging
import multiprocessing
import os
import re
import resource
import sys
import threading
import time
from pathlib import Path

import pytest

from r1v3.reward import Grader, extract_answer, extract_letters, format_reward, grade
from r1v3.reward.maths import workers
from r1v3.reward.maths.workers import WorkerPool
from r1v3.reward.rules import apply_rules

BOX = "\\boxed{%s}"


def hostile(mark):
    """Return answers by name; `mark` is a file that none of them may create."""
    return {
        "tower": BOX % "9^{9^{9^{9^{9}}}}",
        "python tower": BOX % "9**9**9**9",
        "tall tower": BOX % "2^{2^{2^{2^{2^{2^2}}}}}+1",
        "factorial": BOX % "999999999!",
        "factorials": BOX % "((((9!)!)!)!)!",
        "many factorials": BOX % ("5" + "!" * 200),
        "a megabyte of digits": BOX % ("7" * 1_000_000),
        "bare digits": "7" * 1_000_000,
        "exponent": BOX % "1e999999999",
        "small exponent": BOX % "10^{-99999999999}",
        "binomial": BOX % r"\binom{1000000000}{500000000}",
        "100k boxes": BOX % "1" * 100_000,
        "100k open boxes": "\\boxed{" * 100_000,
        "braces": "{" * 200_000,
        "brackets": BOX % ("(" * 5_000 + "1" + ")" * 5_000),
        "deep fraction": BOX % (r"\frac{1}{" * 150 + "2" + "}" * 150),
        "deep root": BOX % (r"\sqrt{" * 190 + "2" + "}" * 190),
        "deep text": BOX % (r"\text{" * 300 + "}" * 300),
        "control characters": BOX % "\x00\x01\x1b[31m7\x7f",
        "right to left": BOX % "\u202e7\u2066",
        "lone surrogate": BOX % "\ud800",
        "import": BOX % f'__import__("os").system("touch {mark}")',
        "open": BOX % f'open("{mark}", "w")',
        "write18": BOX % rf"\write18{{touch {mark}}}",
        "input": BOX % r"\input{/etc/passwd}",
        "commas": BOX % ",".join(["1"] * 100_000),
        "comparisons": BOX % "<".join(["x"] * 600),
        "blanks": BOX % ("1" + " " * 100_000 + "2"),
        "lines": "\n" * 500_000,
        "dollars": "$" * 100_000,
        "backslashes": "\\" * 100_000,
        "carets": BOX % ("^" * 1_900),
        "signs": BOX % ("\\pm 1 " * 60),
        "minuses": BOX % ("-" * 399 + "1"),
        "bars": BOX % ("|" * 300),
        "units": BOX % ("5 " + "kg m/s " * 150),
        "thoughts": "<think>" * 50_000 + "</think>" * 50_000,
        "phrases": "The answer is " * 50_000,
        "Chinese phrases": "答案是" * 50_000,
        "listings": "(A) (B) " * 50_000,
        "letters": "A " * 100_000,
        "capitals": "ABCDEFGHIJ" * 10_000,
        "sentences": "So. Therefore " * 50_000,
        "bold": "**1** " * 50_000,
        "counted things": "12 dogs " * 50_000,
        "bounds": "between 3 and " * 30_000,
        "number words": "six " * 100_000,
        "options weighed": "it is not B, " * 30_000,
        "options judged": "A正确，B错误，" * 30_000,
        "fences": "``` " * 50_000,
    }


def seconds_of_reading():
    """Return the processor time that this machine takes to read a megabyte by a simple pattern."""
    text, pattern = "a word 12, " * 100_000, re.compile(r"[a-z]+|\d+|\W")
    tries = []
    for _ in range(3):
        started = time.process_time()
        assert len(pattern.findall(text)) > 500_000
        tries.append(time.process_time() - started)
    return min(tries)


def calls_of(answer, gold, type):
    """Return how many functions our code calls for a verdict, which no machine's speed changes."""
    calls = 0

    def count(frame, event, _):
        nonlocal calls
        calls += event in ("call", "c_call")

    sys.setprofile(count)
    try:
        apply_rules({"response": answer, "gold": gold, "type": type})
    finally:
        sys.setprofile(None)
    return calls


@pytest.fixture
def bounded_memory():
    """Let this process grow by at most 1 GiB during a test."""
    soft, hard = resource.getrlimit(resource.RLIMIT_AS)
    used = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
    resource.setrlimit(resource.RLIMIT_AS, (used + (1 << 30), hard))
    yield
    resource.setrlimit(resource.RLIMIT_AS, (soft, hard))


@pytest.mark.usefixtures("bounded_memory")
@pytest.mark.slow
def test_hostile_answers_cost_little_and_execute_nothing(tmp_path, caplog):
    caplog.set_level(logging.DEBUG)
    mark = tmp_path / "executed"
    limit = 15 * seconds_of_reading()
    slow = {}
    for name, answer in hostile(mark).items():
        for gold, type in (("3", "open"), ("3;4", "fill"), ("B", "mcq"), ("AC", "mcq_multi")):
            started = time.process_time()
            verdict = grade(answer, gold, type)
            spent = time.process_time() - started
            if spent > limit:
                slow[name, type] = spent
            assert verdict.correct is False, (name, type)
            assert len(verdict.reason) <= 300
            assert len(verdict.extracted or "") <= 2_001
        format_reward(answer)
        extract_answer(answer)
        extract_letters(answer)
    assert slow == {}
    assert not mark.exists()
    assert all(len(line) <= 500 for line in caplog.text.splitlines())


@pytest.mark.parametrize("name", sorted(hostile("")))
def test_a_hostile_answer_is_read_to_a_bound(name):
    answer = hostile("")[name]
    if len(answer) < 10_000:
        pytest.skip("a short answer is bounded by its length")
    calls_of(BOX % "1 2", "3", "open")  # builds the table of units
    for gold, type in (("3", "open"), ("B", "mcq"), ("AC", "mcq_multi")):
        calls = calls_of(answer, gold, type)
        assert calls <= 100_000
        assert calls_of(answer + answer, gold, type) <= 1.2 * calls + 1_000


@pytest.mark.slow
def test_algebra_that_hangs_costs_its_own_verdict_only():
    hangs = r"\boxed{\prod_{k=1}^{1000000000} k}"
    rows = [
        {"response": r"\boxed{7}", "gold": "7", "type": "open"},
        {"response": hangs, "gold": "7", "type": "open"},
        {"response": r"\boxed{\begin{pmatrix}1\\2\end{pmatrix}}",
         "gold": r"\begin{bmatrix}1\\2\end{bmatrix}", "type": "open"},
    ]  # fmt: skip
    with Grader(workers=1) as grader:
        grader._pool.seconds = 1.0
        verdicts = grader.grade_many(rows)
    assert [verdict.correct for verdict in verdicts] == [True, False, True]
    assert "gave up" in verdicts[1].reason


@pytest.mark.slow
def test_a_worker_past_its_memory_dies_alone():
    with_little = WorkerPool(1, memory_bytes=400 << 20)
    reply = with_little.ask(r"\sum_{n=1}^{10^{9}} n!", "3")
    assert "equal" not in reply or reply["equal"] is False
    assert with_little.ask(r"\begin{matrix}1\end{matrix}", r"\begin{matrix}1\end{matrix}")["equal"]
    with_little.close()


@pytest.mark.slow
def test_a_killed_worker_is_replaced():
    pool = WorkerPool(1)
    assert pool.ask("x^2-1", "(x-1)(x+1)")["equal"]
    pool._idle[0].process.kill()
    pool._idle[0].process.wait()
    assert pool.ask("x^2-1", "(x-1)(x+1)")["equal"]
    pool.close()


@pytest.mark.slow
@pytest.mark.parametrize("size", [1, 2])
def test_a_batch_of_hanging_answers_ends_and_spares_the_quick_ones(monkeypatch, size):
    monkeypatch.setattr(workers, "MAX_KILLS", 1)
    hanging = [(rf"\prod_{{k=1}}^{{10^{{9}}}} k+{i}", "3", 12) for i in range(12)]
    quick = [(rf"\begin{{matrix}}{i}\end{{matrix}}", rf"\begin{{matrix}}{i}\end{{matrix}}", 12)
             for i in range(6)]  # fmt: skip
    pool = WorkerPool(size, seconds=1.0)
    started = time.monotonic()
    replies = pool.ask_many(hanging + quick)
    spent = time.monotonic() - started
    pids = {worker.process.pid for worker in pool._idle}
    pool.close()
    assert all("killed" in reply["error"] for reply in replies[:12])
    assert sum("batch" in reply["error"] for reply in replies[:12]) >= 12 - size
    assert replies[12:] == [{"equal": True}] * 6
    assert len(pids) == size
    assert spent < 60


def test_threads_may_grade_at_once():
    found = []

    def work():
        found.append(
            grade(
                r"\boxed{\begin{matrix}1&2\end{matrix}}", r"\begin{matrix}1&2\end{matrix}", "open"
            )
        )
        found.append(grade(r"\boxed{1/2}", "0.5", "open"))

    threads = [threading.Thread(target=work) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found) == 12
    assert all(verdict.correct for verdict in found)


def _in_child(queue):
    verdict = grade(
        r"\boxed{\begin{matrix}1&3\end{matrix}}", r"\begin{matrix}1&3\end{matrix}", "open"
    )
    queue.put((os.getpid(), verdict.correct))


@pytest.mark.parametrize("method", ["fork", "spawn"])
def test_child_processes_may_grade_even_daemonic_ones(method):
    grade(r"\boxed{\begin{matrix}1\end{matrix}}", r"\begin{matrix}1\end{matrix}", "open")
    context = multiprocessing.get_context(method)
    queue = context.Queue()
    child = context.Process(target=_in_child, args=(queue,), daemon=True)
    child.start()
    pid, correct = queue.get(timeout=120)
    child.join()
    assert correct
    assert pid != os.getpid()


def test_workers_see_no_keys(monkeypatch):
    monkeypatch.setenv("R1V3_VERIFIER_KEY", "sk-very-secret")
    pool = WorkerPool(1)
    pool.ask("x+y", "y+x")
    environment = Path(f"/proc/{pool._idle[0].process.pid}/environ").read_text()
    pool.close()
    assert "secret" not in environment
