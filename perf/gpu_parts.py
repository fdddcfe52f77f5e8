"""Defines the parts of `gpu_acceptance.py`. Each yields lines, which say what is wrong if they are not ok.

`python perf/gpu_parts.py 1B --tiny` is the process of the part `bits`: it makes one update in exact mode and
prints the hashes of the weights after it.
"""

import json
import math
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from importlib.util import find_spec

import torch
from gpu_model import ROOT, World, single

from r1v3.base.determinism import make_exact
from r1v3.generate.vllm.buckets import fill_buckets
from r1v3.model import packed
from r1v3.model.packed import Group, Pack, pack_groups
from r1v3.train.core.device_memory import empty_cache
from r1v3.train.core.flops import FlopCount, peak_flops
from r1v3.train.core.token_stats import token_stats
from r1v3.train.grpo.loss.update import score_advantages, update_policy
from r1v3.train.grpo.passes.episode_rows import plan_rows
from r1v3.train.grpo.records.speed import EpisodeSpeed
from r1v3.train.sft.response_loss import PackedLoss

GAP = 0.05  # largest difference of 16-bit attention and log-probabilities from those in 32 bits
NEW_SHAPE = 3.0  # limit of the time of a call with a new shape, in times of a known shape
AIMS = {"grpo": 0.35, "sft": 0.45}  # share of the peak
WEIGHTS_AIM = 10.0  # GB a second
ENGINE_SHARE, CARD_GB = 0.5, 80  # from the layout of recipe 1b
HEADS = {"1B": (14, 2, 64), "8B": (28, 4, 128), "38B": (40, 8, 128)}


@dataclass(frozen=True)
class Line:
    """A measurement: `ok` is None if nothing is judged, and `why` says what is wrong."""

    ok: bool | None
    what: str
    values: dict[str, object]
    why: str = ""


def judge(ok: bool, what: str, why: str, **values) -> Line:
    """Return a line that is ok, or says why not."""
    return Line(bool(ok), what, values, "" if ok else why)


def note(what: str, **values) -> Line:
    """Return a line that judges nothing."""
    return Line(None, what, values)


def timed(work: Callable[[], object]) -> tuple[float, object]:
    """Return the seconds of a call until the GPU has finished, and the call's result."""
    _wait()
    began = time.perf_counter()
    found = work()
    _wait()
    return time.perf_counter() - began, found


def _wait() -> None:
    if torch.cuda.is_available():
        torch.cuda.synchronize()


def share_of_peak(flops: float, seconds: float, peak: float) -> float:
    """Return the share of the peak that was reached.

    Raises:
        ValueError: the share is impossible, so a clock, a count or the peak is wrong.
    """
    share = flops / (seconds * peak)
    if not 0 < share <= 1:
        raise ValueError(f"a share of the peak of {share:.2f} cannot be")
    return share


def a_pass(world: World, seed: int) -> Pack:
    """Return a GRPO pass of the episode's lengths, without pictures."""
    load, prompt = world.load, world.load.text + world.load.tiles * (4 if world.tiny else 256)
    lengths = world.lengths(4 * load.samples, seed)
    rows = plan_rows([prompt] * 4, lengths, load.samples, load.pass_tokens, 1)[0][0]
    answers: dict[int, list[tuple[int, ...]]] = {}
    for row in range(rows.start, rows.stop):
        answers.setdefault(row // load.samples, []).append((1,) * lengths[row])
    none = torch.zeros(0)
    return pack_groups([Group((1,) * prompt, tuple(own), none) for own in answers.values()])


def reference_attention(query, key, value, pack: Pack) -> torch.Tensor:
    """Compute attention in 32 bits, one segment at a time: softmax(q k / sqrt(d)) v.

    The keys are those of the prompt and of a segment's own tokens.
    """
    out = torch.zeros(query.shape[2], query.shape[1], query.shape[3], device=query.device)
    repeat = query.shape[1] // key.shape[1]
    for (first, own), (start, prompt) in zip(
        pack.plan.own_S2.tolist(), pack.plan.prompt_S2.tolist()
    ):
        asks = query[0, :, first : first + own].float()
        answers = [
            torch.cat([each[0, :, start : start + prompt], each[0, :, first : first + own]], 1)
            .float()
            .repeat_interleave(repeat, 0)
            for each in (key, value)
        ]
        scores = asks @ answers[0].transpose(1, 2) * asks.shape[-1] ** -0.5
        hidden = torch.ones(own, own + prompt, device=query.device).tril(prompt) == 0
        scores = scores.masked_fill(hidden, -torch.inf)
        out[first : first + own] = (scores.softmax(-1) @ answers[1]).transpose(0, 1)
    return out[None]


def attention(world: World) -> Iterator[Line]:
    """Check attention over shared prompts against 32 bits, and measure what a new shape costs."""
    flash = world.device.type == "cuda"
    attend = packed._flash_attention if flash else packed._packed_attention
    for name, (heads, kv_heads, size) in HEADS.items():
        seconds: dict[str, list[float]] = {"new": [], "again": []}
        gap = 0.0
        for seed in range(4):
            pack = a_pass(world, seed).to(world.device)
            tokens = len(pack.input_ids_T)
            states = [
                torch.randn(
                    1, count, tokens, size,
                    device=world.device, dtype=torch.bfloat16, requires_grad=True,
                )
                for count in (heads, kv_heads, kv_heads)
            ]  # fmt: skip

            def both(states=states, pack=pack, scale=size**-0.5) -> torch.Tensor:
                out = attend(None, *states, None, scale, plan=pack.plan)[0]
                out.backward(torch.ones_like(out))
                return out

            for kind in ("new", "again"):
                spent, out = timed(both)
                if seed:  # the very first pass loads kernels
                    seconds[kind].append(spent)
            with torch.no_grad():
                gap = max(gap, _largest(out - reference_attention(*states, pack)))
        new, again = (statistics.median(seconds[kind]) for kind in ("new", "again"))
        yield judge(
            gap < GAP,
            f"attention of {name}'s heads against 32 bits",
            f"a gap above {GAP}",
            gap=gap,
            kernel="varlen" if flash else "masks",
        )
        slow = new < NEW_SHAPE * again + 0.02
        yield _aim(
            world,
            slow,
            f"attention of {name}'s heads on shapes that are new",
            f"more than {NEW_SHAPE} times as long as a shape that was seen",
            seconds_new=new,
            seconds_again=again,
        )


def _largest(difference: object) -> float:
    assert isinstance(difference, torch.Tensor)
    return float(difference.float().abs().max())


def _aim(world: World, ok: bool, what: str, why: str, **values) -> Line:
    """Return a line about speed, which is judged only on a GPU."""
    return note(what, **values) if world.tiny else judge(ok, what, why, **values)


def head(world: World) -> Iterator[Line]:
    """Check log-probability and entropy from hidden states against 32 bits, and measure speed and memory."""
    words, width, tokens = (600, 64, 100) if world.tiny else (151_674, 5120, 16_384)
    torch.manual_seed(1)
    hidden = (torch.randn(tokens, width, device=world.device) / width**0.5).bfloat16()
    weight = torch.randn(words, width, device=world.device).bfloat16().requires_grad_()
    hidden.requires_grad_()
    target = torch.randint(0, words, (tokens,), device=world.device)
    if world.device.type == "cuda":
        torch.cuda.reset_peak_memory_stats()
    before = _allocated()

    def both() -> torch.Tensor:
        logp_N, _ = token_stats(hidden, weight, target)
        logp_N.sum().backward()
        return logp_N.detach()

    timed(both)
    seconds, logp_N = timed(both)
    some = slice(0, 64)
    exact = (hidden[some].detach().float() @ weight.detach().float().T).log_softmax(-1)
    gap = _largest(logp_N[some] - exact.gather(1, target[some, None])[:, 0])
    yield judge(gap < GAP, "the head against 32 bits", f"a gap above {GAP}", gap=gap)
    work = 8 * tokens * words * width  # logits twice, and two gradients
    values = {"seconds": seconds, "peak_gb": (_peak() - before) / 1e9}
    if not world.tiny:
        values["share"] = share_of_peak(work, seconds, peak_flops(world.device))
    yield note("the head's speed at 38B's width", **values)


def _allocated() -> int:
    return torch.cuda.memory_allocated() if torch.cuda.is_available() else 0


def _peak() -> int:
    return torch.cuda.max_memory_allocated() if torch.cuda.is_available() else 0


def update(world: World) -> Iterator[Line]:
    """Measure GRPO's gradient steps as a share of the peak, then the memory that is left for an engine."""
    policy, settings = world.learner()
    speed = EpisodeSpeed(policy.model, settings, policy.ranks)
    shares, found = [], 0.0
    for number in range(4):
        episode = world.episode(policy.model, number)
        peak = _peak_now(world)
        seconds, _ = timed(lambda episode=episode: _step(policy, settings, episode))
        if number:  # the first update loads kernels
            found = speed.flops(episode) / (seconds * peak)
            shares.append(found)
            yield note("a GRPO update", seconds=seconds, share=found, tokens=sum(episode.lengths))
    yield _mfu(world, "grpo", shares, policy)
    yield from _wake(world, policy)


def _mfu(world: World, kind: str, shares: list[float], policy) -> Line:
    share = statistics.median(shares)
    layers = policy.model.config.text_config.num_hidden_layers
    values = {"share": share, "text_layers": layers}
    if world.tiny:
        return note(f"{kind}: median share of the peak, {world.model}'s shape", **values)
    if share > 1:
        return judge(False, f"{kind}: share of the peak", "more than the peak cannot be", **values)
    return judge(
        share >= AIMS[kind],
        f"{kind}: median share of the peak, {world.model}'s shape, new lengths each time",
        f"below {AIMS[kind]:.0%}",
        **values,
    )


def _peak_now(world: World) -> float:
    """Return the data sheet's peak; on a CPU, whose load varies, the peak is measured at each repeat."""
    return peak_flops(world.device)


def _step(policy, settings, episode):
    limit = settings.lengths[0].tokens
    advantage_R = score_advantages(episode, settings, limit)
    return update_policy(policy, None, episode, advantage_R, settings, rate=1e-5, seed=1)


MAPPER = """
import sys, torch
try:
    torch.empty(int(sys.argv[1]), dtype=torch.uint8, device="cuda")
    print("mapped")
except torch.OutOfMemoryError:
    print("no room")
"""


def _wake(world: World, policy) -> Iterator[Line]:
    """Check the trainer's memory when vLLM wakes, and whether another process can map the rest."""
    policy.free()
    empty_cache()
    if world.device.type != "cuda":
        yield note("memory at wake is measured on a GPU")
        return
    held, reserved = torch.cuda.memory_allocated() / 1e9, torch.cuda.memory_reserved() / 1e9
    free, whole = (each / 1e9 for each in torch.cuda.mem_get_info())
    yield judge(
        reserved < held + 2,
        "after the cache is emptied little more is reserved than held",
        "more than 2 GB of fragments",
        held_gb=held,
        reserved_gb=reserved,
    )
    if world.model == "1B":
        # The needs of other processes on the GPU are not known here. `used` includes this process's context.
        used = whole - free
        yield judge(
            used <= (1 - ENGINE_SHARE) * CARD_GB,
            f"all that is used leaves an engine {ENGINE_SHARE:.0%} of {CARD_GB} GB",
            f"more than {(1 - ENGINE_SHARE) * CARD_GB:.0f} GB are used",
            used_gb=used,
        )
    done = subprocess.run(
        [sys.executable, "-c", MAPPER, str(int((free - 2) * 1e9))],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    said = done.stdout.strip() or done.stderr.strip()[-200:]
    yield judge(
        said == "mapped",
        "another process maps all that is free but 2 GB",
        "the trainer's cache or context is in the way",
        free_gb=free,
        said=said,
    )


def sft(world: World) -> Iterator[Line]:
    """Measure supervised steps as a share of the peak."""
    policy, settings = world.learner(PackedLoss)
    count, shares = FlopCount.of(policy.model, settings.train), []
    for number in range(4):
        episode = world.episode(policy.model, number)
        samples = single(episode, settings.samples)
        packs = [pack_groups([Group(p, (r,), t)]).to(world.device) for p, r, t in samples]
        tokens = sum(len(response) for _, response, _ in samples)
        lengths = [len(prompt) + len(response) for prompt, response, _ in samples]
        flops = count.batch(lengths, tokens, sum(len(tiles) for *_, tiles in samples))
        peak = _peak_now(world)

        def step(packs=packs, tokens=tokens) -> None:
            policy.zero_grad()
            for pack in packs:
                policy.backward(policy(pack, tokens), last=pack is packs[-1])
            policy.reduce()
            policy.step(1e-5)

        seconds, _ = timed(step)
        if number:
            shares.append(flops / (seconds * peak))
    yield _mfu(world, "sft", shares, policy)


def nan(world: World) -> Iterator[Line]:
    """Check that a gradient that is not a number stops the run before the step."""
    policy, settings = world.learner()
    weight = policy.model.model.multi_modal_projector.linear_2.weight
    weight.register_hook(lambda gradient: gradient * math.nan)
    before, said = policy.hashes(), "nothing"
    try:
        _step(policy, settings, world.episode(policy.model))
    except FloatingPointError as error:
        said = str(error)
    stopped = "connector" in said and policy.hashes() == before
    yield judge(stopped, "a gradient that is no number", "the weights were stepped", said=said)


def bits(world: World) -> Iterator[Line]:
    """Check that two equal updates in exact mode, each in its own process, give equal bits."""
    command = [sys.executable, __file__, world.model, *(["--tiny"] if world.tiny else [])]
    runs = [subprocess.run(command, capture_output=True, text=True, check=False) for _ in range(2)]
    for run in runs:
        if run.returncode:
            yield judge(False, "an exact update", run.stderr.strip().splitlines()[-1])
            return
    one, two = (json.loads(run.stdout.splitlines()[-1]) for run in runs)
    same = {group: one[group] == two[group] for group in one}
    yield judge(all(same.values()), "equal exact updates have equal bits", "they differ", **same)


READER = """
import json, sys, torch
sys.path.insert(0, sys.argv[1])
from r1v3.generate.vllm.buckets import MappedBuffers
from r1v3.generate.vllm.worker import hash_tensors
opened, connector = MappedBuffers(torch.device(sys.argv[2])), {}
for line in sys.stdin:
    pieces, device, handle = json.loads(line)
    for name, tensor in opened.tensors(pieces, {device: bytes.fromhex(handle)}):
        if "multi_modal_projector." in name:
            connector[name] = tensor
    if opened.device.type == "cuda":
        torch.cuda.synchronize()
    print("read", flush=True)
opened.close()
print(hash_tensors(connector))
"""


def weights(world: World) -> Iterator[Line]:
    """Send all weights to another process on the same device, which reads them as vLLM's worker does."""
    policy, _ = world.learner()
    size = sum(t.nbytes for t in policy.model.state_dict().values()) / 1e9
    reader = subprocess.Popen(
        [sys.executable, "-c", READER, str(ROOT / "workflow"), str(world.device)],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    assert reader.stdin is not None
    assert reader.stdout is not None

    def send() -> None:
        for bucket in fill_buckets(policy.weights()):
            pieces = [(p.name, p.dtype, list(p.shape), p.first) for p in bucket.pieces]
            reader.stdin.write(json.dumps([pieces, bucket.device, bucket.handle.hex()]) + "\n")
            reader.stdin.flush()
            assert reader.stdout.readline() == "read\n", "the reader has ended"

    send()  # the reader opens the device
    seconds, _ = timed(send)
    said, _ = reader.communicate()
    arrived = said.strip() == policy.hashes(("connector",))["connector"]
    yield judge(arrived, "weights arrive as they were", "the connector's hash is another")
    yield _aim(
        world,
        size / seconds >= WEIGHTS_AIM,
        "weights from process to process",
        f"below {WEIGHTS_AIM:.0f} GB a second",
        gb_a_second=size / seconds,
        seconds_at_38B=77 * seconds / size,
    )


def zero(world: World) -> Iterator[Line]:
    """Compare ZeRO-3's gradient norms with those of a whole copy, and check that matrices decay."""
    if find_spec("deepspeed") is None:
        yield note("no DeepSpeed is installed here, so ZeRO-3 was not measured")
        return
    whole, settings = world.learner()
    episode = world.episode(whole.model)
    expected = _step(whole, settings, episode).metrics
    del whole
    empty_cache()
    sharded, settings = world.learner(engine="deepspeed", zero=3)
    groups = sharded.optimizer.optimizer.param_groups
    decays = [group["weight_decay"] for group in groups]
    yield judge(max(decays) > 0, "weights decay under ZeRO-3", "none does", decays=str(decays))
    found = _step(sharded, settings, episode).metrics
    for name in (n for n in expected if n.startswith("grad_norm")):
        close = abs(found[name] - expected[name]) <= 0.03 * expected[name] + 1e-6
        values = {"whole": expected[name], "zero": found[name]}
        yield judge(close, f"ZeRO-3's {name}", "more than 3 % from a whole copy's", **values)


PARTS = {
    part.__name__: part for part in (attention, head, update, sft, nan, bits, weights, zero)
}  # fmt: skip


def main() -> None:
    """Make one exact update, and print the hash of each module group."""
    make_exact()
    world = World(sys.argv[1], "--tiny" in sys.argv)
    policy, settings = world.learner()
    _step(policy, settings, world.episode(policy.model))
    print(json.dumps(policy.hashes()))


if __name__ == "__main__":
    main()
