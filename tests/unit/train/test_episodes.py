"""The prompts of an episode, those that Dynamic Sampling replaces, and episodes that survive a kill."""

from dataclasses import replace

import pytest
import torch
from grpo_fixtures import episode_of_policy, grpo_settings, learner, record

from r1v3.generate.types import Response
from r1v3.reward.verdict import Verdict
from r1v3.train.core.ranks import Ranks
from r1v3.train.core.sample_order import order_of_step
from r1v3.train.grpo.loss.advantage import overlong_penalty
from r1v3.train.grpo.loss.update import score_advantages
from r1v3.train.grpo.resume.saved_episodes import delete_episodes, restore_episode, save_episode
from r1v3.train.grpo.sampling.collect import Collected, collect_episode
from r1v3.train.grpo.sampling.prompt_order import PromptOrder
from r1v3.train.grpo.sampling.prompts import Prompt
from r1v3.train.grpo.sampling.rollouts import Episode, score_rollouts
from r1v3.train.grpo.sampling.sampler import BesideTrainer

# Accuracy and format of two samples of each prompt, by the prompt's first letter.
KINDS = {
    "v": ((1.0, 0.0), (1.0, 1.0)),  # varies
    "s": ((1.0, 1.0), (1.0, 1.0)),  # zero variance
    "f": ((0.0, 0.0), (1.0, 0.0)),  # differs in format alone
}


def prompts(names):
    return [Prompt(record(name), "", None) for name in names]


def answer(prompts, seed):
    """Return grades by the prompts' names, with the seed as the responses' text."""
    kinds = [KINDS[prompt.record.id[0]] for prompt in prompts]
    accuracy = torch.tensor([accuracy for accuracy, _ in kinds])
    form = torch.tensor([form for _, form in kinds])
    responses = [
        Response(p.record.id, m, seed, (1, 2), (0.0, 0.0), "stop", 1)
        for p in prompts
        for m in (0, 1)
    ]
    return Episode(
        prompts, responses, accuracy, form, 0.8 * accuracy + 0.2 * form, [("", "")] * len(responses)
    )


class Given(PromptOrder):
    """Prompts in the order given."""

    def take(self, count):
        taken = self.prompts[self.drawn : self.drawn + count]
        self.drawn += count
        return taken


def sampling(wanted, rounds, **changes):
    dynamic = rounds and {"max_rounds": rounds}
    return grpo_settings(prompts_per_step=wanted, dynamic_sampling=dynamic, **changes)


def collected(names, rounds, wanted=3):
    settings = sampling(wanted, rounds)
    order = Given(prompts(names), seed=0)
    return collect_episode(answer, order, settings, BesideTrainer(None, Ranks(0, 1), 1), seed="0/4")


def test_without_dynamic_sampling_prompts_are_taken_as_they_come():
    found = collected(["s1", "v1", "f1", "v2"], None)
    assert [p.record.id for p in found.episode.prompts] == ["s1", "v1", "f1"]
    assert (found.drawn, found.counts) == (3, {})


def test_rounds_go_on_until_every_groups_accuracy_varies():
    found = collected(["s1", "v1", "f1", "s2", "v2", "v3", "v4"], 9)
    assert [p.record.id for p in found.episode.prompts] == ["v1", "v2", "v3"]
    assert found.drawn == 6  # three, then two for the two missing, then one
    assert found.counts == {
        "sampling_rounds": 3,
        "discarded_prompts": 3,
        "format_alone_groups": 1,
        "unfilled_groups": 0,
        "surplus_groups": 0,
    }
    assert [group.prompt.record.id for group in found.unused] == ["f1", "s1", "s2"]
    seeds = [response.text for response in found.episode.responses[::2]]
    assert seeds == ["0/4", "0/4/1", "0/4/2"]


def test_at_the_cap_what_is_left_is_filled_with_groups_that_differ_in_format_first():
    found = collected(["s1", "v1", "f1", "s2", "s3"], 2)
    assert [p.record.id for p in found.episode.prompts] == ["v1", "f1", "s1"]
    assert found.counts["unfilled_groups"] == 2
    assert found.counts["discarded_prompts"] == 2
    assert found.counts["sampling_rounds"] == 2
    assert [group.prompt.record.id for group in found.unused] == ["s2", "s3"]


class Two(Ranks):
    """The first of two ranks, which also sees the second rank's grades."""

    def gather(self, part):
        return part


def test_a_round_of_several_ranks_may_bring_more_good_groups_than_are_missing():
    order = Given(prompts(["v1", "v2", "v3", "v4"]), seed=0)
    settings = sampling(3, 2)
    sampler = BesideTrainer(None, Two(0, 2, 2), 2)
    sampler.share = lambda chosen: chosen
    found = collect_episode(answer, order, settings, sampler, seed="0/4")
    assert [p.record.id for p in found.episode.prompts] == ["v1", "v2", "v3"]
    assert [group.prompt.record.id for group in found.unused] == ["v4"]
    assert (found.counts["surplus_groups"], found.counts["discarded_prompts"]) == (1, 0)


@pytest.mark.parametrize("rounds", [None, 3])
def test_unjudged_answers_are_counted_once_over_all_of_an_episode(rounds):
    def unjudged(prompts, seed):
        """Leave one answer of s1 unjudged: half of its prompt's answers, and a sixth of the round's."""
        episode = answer(prompts, seed)
        reasons = [
            ("none" if r.key == "s1" and r.sample else "verifier", "") for r in episode.responses
        ]
        return replace(episode, reasons=reasons)

    names = ["v1", "s1", "v2", "v3", "v4"]
    sampler = BesideTrainer(None, Ranks(0, 1), 1)
    share = 1 / (8 if rounds else 6)  # a second round asks for one more
    for allowed in (share + 0.001, share - 0.001):
        verifier = {"model": "x", "max_unjudged": allowed}
        reward = {"accuracy_weight": 0.8, "format_weight": 0.2, "verifier": verifier}
        settings = sampling(3, rounds, reward=reward)
        order = Given(prompts(names), seed=0)
        if allowed > share:
            collect_episode(unjudged, order, settings, sampler, seed="0/4")
            continue
        with pytest.raises(RuntimeError, match=f"{share:.1%} of the answers unjudged"):
            collect_episode(unjudged, order, settings, sampler, seed="0/4")


def test_prompts_come_in_the_order_of_the_epochs_whatever_is_drawn_at_a_time():
    wanted = [n for step in range(6) for n in order_of_step(13, step, 4, 7)]
    order = PromptOrder(list(range(13)), seed=7)
    assert [n for count in (1, 5, 12, 6) for n in order.take(count)] == wanted
    again = PromptOrder(list(range(13)), seed=7, drawn=18)
    assert again.take(6) == wanted[18:]


def test_an_episode_comes_back_from_disk_as_it_was(tmp_path):
    episode = episode_of_policy(learner())
    episode = replace(episode, reasons=[("rule", "7"), ("none", "–")] * 4)
    save_episode(tmp_path, 4, Collected(episode, 77, {"sampling_rounds": 2}))
    by_id = {prompt.record.id: prompt for prompt in episode.prompts}
    found = restore_episode(tmp_path, 4, by_id)
    assert found.episode.responses == episode.responses
    assert found.episode.reasons == episode.reasons
    assert found.episode.prompts == episode.prompts
    for name in ("accuracy_GM", "format_GM", "reward_GM"):
        assert torch.equal(getattr(found.episode, name), getattr(episode, name))
    assert (found.drawn, found.counts) == (77, {"sampling_rounds": 2})
    assert found.unused == []
    delete_episodes(tmp_path, through=3)
    assert restore_episode(tmp_path, 5, by_id) is None
    assert restore_episode(tmp_path, 4, by_id)
    delete_episodes(tmp_path, through=4)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("damage", [lambda data: b"", lambda data: data[:-9], lambda data: b"PAR1"])
def test_a_damaged_episode_is_named_and_sampled_again(tmp_path, capsys, damage):
    episode = episode_of_policy(learner())
    save_episode(tmp_path, 4, Collected(episode, 77, {}))
    (path,) = tmp_path.glob("episode-*.parquet")
    path.write_bytes(damage(path.read_bytes()))
    by_id = {prompt.record.id: prompt for prompt in episode.prompts}
    assert restore_episode(tmp_path, 4, by_id) is None
    assert f"{path} is damaged" in capsys.readouterr().out
    save_episode(tmp_path, 4, Collected(episode, 77, {}))
    assert restore_episode(tmp_path, 4, by_id)


def test_groups_that_are_not_used_come_back_with_the_episode(tmp_path):
    found = collected(["s1", "v1", "f1", "s2", "v2", "v3", "v4"], 9)
    save_episode(tmp_path, 1, found)
    by_id = {prompt.record.id: prompt for prompt in prompts(["v1", "v2", "v3", "f1", "s1", "s2"])}
    again = restore_episode(tmp_path, 1, by_id)
    assert again.episode.responses == found.episode.responses
    assert torch.equal(again.episode.reward_GM, found.episode.reward_GM)
    assert (again.drawn, again.counts) == (found.drawn, found.counts)
    assert [(g.prompt.record.id, g.responses, g.reasons) for g in again.unused] == [
        (g.prompt.record.id, g.responses, g.reasons) for g in found.unused
    ]


def test_a_rank_alone_does_not_judge_how_much_stayed_unjudged():
    responses = answer(prompts(["v1"]), "").responses
    verdicts = [Verdict(None, None, "none", "no verifier"), Verdict("7", True, "rule:number", "")]
    found = score_rollouts(
        prompts(["v1"]), responses, verdicts, grpo_settings().reward, mode="slow"
    )
    assert found.accuracy_GM.tolist() == [[0.0, 1.0]]
    assert found.reasons[0] == ("none", "no verifier")


def test_the_penalty_on_length_falls_over_the_buffer():
    lengths = torch.tensor([1, 60, 70, 80, 100, 120])
    found = overlong_penalty(lengths, limit=100, buffer=40)
    assert found.tolist() == pytest.approx([0.0, 0.0, -0.25, -0.5, -1.0, -1.0])


def test_overlong_handling_changes_advantages_only_where_the_recipe_punishes():
    episode = answer(prompts(["s1"]), "")
    long = replace(episode.responses[1], token_ids=(1,) * 10)
    episode = replace(episode, responses=[episode.responses[0], long])
    assert score_advantages(episode, grpo_settings(), limit=10).tolist() == [0.0, 0.0]
    punish = grpo_settings(overlong="punish", overlong_buffer=4)
    # rewards 1 and 1 - 1: deviations 0.5, spread 0.707
    assert score_advantages(episode, punish, limit=10).tolist() == pytest.approx(
        [0.7071, -0.7071], rel=1e-3
    )
