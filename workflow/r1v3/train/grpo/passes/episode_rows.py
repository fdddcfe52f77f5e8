"""Plan which responses of an episode each rank computes in which forward pass. Responses keep their order.

A pass computes a prompt once for all its responses in that pass. A group may be split over passes, because 32
responses of 8,192 tokens are more than one pass can hold.
"""

from itertools import accumulate

from r1v3.train.core.ranks import Ranks

PROMPTS_A_PASS = 64


def plan_rows(
    prompt_lengths: list[int], lengths: list[int], samples: int, budget: int | None, world: int
) -> list[list[slice]]:
    """Divide the responses into consecutive slices, by rank and pass. Every response occurs once.

    Without a budget each rank takes an equal share of the prompts, at most 64 a pass. With a budget the ranks
    get about the same number of tokens each. A pass exceeds the budget only if a single response with its
    prompt does.

    Args:
        prompt_lengths: tokens of each prompt.
        lengths: tokens of each response; the `samples` responses of a prompt are neighbours.
        budget: most tokens of a pass.
        world: number of ranks.
    """
    if budget is None:
        numbers = list(range(len(prompt_lengths)))
        return [_by_prompts(Ranks(rank, world).share(numbers), samples) for rank in range(world)]
    total, filled = sum(lengths), 0
    plan: list[list[slice]] = [[] for _ in range(world)]
    for row, (length, after) in enumerate(zip(lengths, accumulate(lengths))):
        passes = plan[min(world - 1, int(world * (after - length / 2) / total))]
        known = row % samples != 0 and passes and passes[-1].stop == row
        cost = length + (0 if known else prompt_lengths[row // samples])
        if passes and passes[-1].stop == row and filled + cost <= budget:
            passes[-1], filled = slice(passes[-1].start, row + 1), filled + cost
        else:
            passes.append(slice(row, row + 1))
            filled = length + prompt_lengths[row // samples]
    return plan


def _by_prompts(own: list[int], samples: int) -> list[slice]:
    firsts = range(own[0], own[-1] + 1, PROMPTS_A_PASS) if own else ()
    return [slice(n * samples, min(n + PROMPTS_A_PASS, own[-1] + 1) * samples) for n in firsts]
