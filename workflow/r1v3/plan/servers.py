"""Plans the servers that stages ask: GPUs of verifier and reward model, and fees of an API that judges.

A server of our own occupies its GPUs as long as the stages that ask it run. An API is paid by the token.
"""

from collections.abc import Iterator
from typing import TYPE_CHECKING

from r1v3.plan.costs import Server
from r1v3.plan.estimate import Estimate
from r1v3.recipe.errors import RecipeError, unknown

if TYPE_CHECKING:
    from r1v3.plan.stages import RecipePlan

COUNTS = (1, 2, 4, 8, 16)
# Share of a GPU's memory that weights may take, so that keys and values have room.
WEIGHTS_SHARE = 0.7
# Stages whose answers are graded, so that the verifier may be asked about them.
GRADED = ("reject", "grpo", "probe", "evaluate")


def servers(plan: "RecipePlan", stages: list[Estimate]) -> list[Estimate]:
    """Return a line for each server that the recipe's core path asks.

    Args:
        stages: the other lines of the plan.

    Raises:
        RecipeError: config/costs.yaml has no entry for a model that is asked.
    """
    return [*_verifiers(plan, stages), *_critics(plan, stages), *_reward_terms(plan, stages)]


def _verifiers(plan: "RecipePlan", stages: list[Estimate]) -> Iterator[Estimate]:
    trained, elsewhere = plan.project.runs["rl"].grpo.reward.verifier, plan.recipe.grading.verifier
    for model in sorted({each.model for each in (trained, elsewhere) if each}):
        asking = []
        for each in stages:
            grader = trained if each.stage == "grpo" else elsewhere
            if each.stage in GRADED and grader and grader.model == model:
                asking.append(each)
        asked = sum(each.jobs * each.answers for each in asking) * plan.costs.asking.left_by_rules
        tokens = 2 * plan.load.question_tokens  # the question and two answers, without the thought
        yield _line(plan, "verifier", model, asking, round(asked), tokens)


def _critics(plan: "RecipePlan", stages: list[Estimate]) -> Iterator[Estimate]:
    """Plan the judge and the reward model of the filters; both read question, pictures and whole response."""
    sets = plan.sampled()
    for kind, name in (("judge", "judge"), ("reward model", "reward_model")):
        asking: dict[str, list[Estimate]] = {}
        for each in stages:
            if each.stage == "reject" and (critic := getattr(sets[each.name].filters, name)):
                asking.setdefault(critic.model, []).append(each)
        for model, own in asking.items():
            asked = sum(each.answers for each in own) * plan.costs.asking.right
            tokens = plan.load.question_tokens + plan.load.answer_median
            tokens += plan.costs.asking.picture_tokens
            yield _line(plan, kind, model, own, round(asked), tokens)


def _reward_terms(plan: "RecipePlan", stages: list[Estimate]) -> Iterator[Estimate]:
    """Plan the reward model whose score is part of the reward of RL; it reads every response."""
    term = plan.project.runs["rl"].grpo.reward_model
    asking = [each for each in stages if each.stage == "grpo"]
    if term is None or not asking:
        return
    tokens = plan.load.question_tokens + plan.load.answer_median + plan.costs.asking.picture_tokens
    asked = sum(each.jobs * each.answers for each in asking)
    yield _line(plan, "reward model", term.model, asking, round(asked), tokens)


def _line(
    plan: "RecipePlan", kind: str, model: str, asking: list[Estimate], asked: int, tokens: float
) -> Estimate:
    """Return the line of a server.

    Args:
        asking: the stages that ask it, one after another.
        asked: number of questions, of `tokens` tokens each.
    """
    known = plan.costs.servers
    if model not in known:
        raise RecipeError([f"config/costs.yaml: servers: {unknown('server', model, known)}"])
    server = known[model]
    note = f"{model}, {asked:,} questions"
    if server.parameters_billion is None:
        fee = asked * _fee(server, tokens, plan.costs.asking.verdict_tokens)
        notes = (f"{note} of {tokens:,.0f} tokens by API",)
        return Estimate("api", kind, 1, 0, 0.0, {}, plan.most, 0.0, fee=fee, notes=notes)
    weights, card = 2e9 * server.parameters_billion, 1e9 * plan.site.gpus.memory_gb
    gpus = next((n for n in COUNTS if weights / n <= WEIGHTS_SHARE * card), COUNTS[-1])
    parts = {"weights": weights / gpus, "keys and values": 0.9 * card - weights / gpus}
    hours = sum(each.jobs * each.hours for each in asking)
    return Estimate("server", kind, 1, gpus, hours, parts, card, 0.0, notes=(note,))


def _fee(server: Server, read: float, written: float) -> float:
    """Return the price of one question with `read` input tokens and `written` output tokens."""
    return (read * (server.input_price or 0) + written * (server.output_price or 0)) / 1e6
