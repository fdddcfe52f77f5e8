"""The keys `like`, `set` and `from` of the run table."""


def test_like_copies_an_entry_and_set_changes_one_key_of_its_settings(checkout):
    runs = checkout.graph().project.runs
    few, high = runs["rl_minibatches"], runs["rl_clip_higher"]
    assert high.settings.clip_high == 0.28
    assert high.settings.model_copy(update={"clip_high": few.settings.clip_high}) == few.settings
    assert (high.entry.start, high.entry.data) == (few.entry.start, few.entry.data)


def test_why_is_not_inherited(checkout):
    checkout.edit("runs.yaml", lambda t: t.update(child={"like": "rl_frozen_connector"}))
    runs = checkout.graph().project.runs
    assert runs["child"].entry.why is None
    assert runs["child"].settings == runs["rl_frozen_connector"].settings


def test_set_of_a_child_lies_over_set_of_its_parent(checkout):
    child = {"like": "rl_frozen_connector", "set": {"optimizer": {"learning_rate": 1e-6}}}
    checkout.edit("runs.yaml", lambda t: t.update(child=child))
    runs = checkout.graph().project.runs
    settings, parent = runs["child"].settings, runs["rl_frozen_connector"].settings
    assert settings.train == ["vision_tower", "llm"]
    assert settings.optimizer == parent.optimizer.model_copy(update={"learning_rate": 1e-6})


def test_a_child_may_start_elsewhere_and_learn_from_other_data(checkout):
    child = {"like": "rl", "from": "rl", "checkpoint": "selected", "data": "math_hard"}
    checkout.edit("runs.yaml", lambda t: t.update(hard=child))
    resolved = checkout.graph().run("hard").resolved
    graph = checkout.graph()
    assert resolved["data"] == graph.data("math_hard").id
    assert resolved["start"] == {
        "run": graph.run("rl").id,
        "checkpoint": "selected",
        "selection": graph.selection("rl").id,
    }


def test_null_in_set_switches_a_key_off(checkout):
    child = {"like": "final", "set": {"early_stopping": None}}
    checkout.edit("runs.yaml", lambda t: t.update(child=child))
    assert checkout.graph().run("child").resolved["validation"] is None
