"""How files are laid over each other."""

from r1v3.recipe.layers import merge


def test_mappings_merge_and_lists_and_values_replace():
    under = {"a": {"b": 1, "c": [1, 2]}, "d": 1}
    assert merge(under, {"a": {"c": [3]}, "d": {"e": 2}}) == {
        "a": {"b": 1, "c": [3]},
        "d": {"e": 2},
    }
    assert under == {"a": {"b": 1, "c": [1, 2]}, "d": 1}


def test_a_model_of_another_source_replaces_the_old_one_as_a_whole():
    under = {"models": {"base": {"source": "hub", "id": "a"}}}
    over = {"models": {"base": {"source": "scratch", "data": "b"}}}
    assert merge(under, over) == over


def test_a_model_of_the_same_source_is_changed_key_by_key():
    under = {"models": {"base": {"source": "hub", "id": "a", "revision": "main"}}}
    over = {"models": {"base": {"source": "hub", "revision": "v2"}}}
    assert merge(under, over)["models"]["base"] == {"source": "hub", "id": "a", "revision": "v2"}


def test_where_evaluation_reads_its_benchmarks_is_a_plain_value():
    under = {"evaluation": {"source": "files", "runs": 5}}
    over = {"evaluation": {"source": "miniature"}}
    assert merge(under, over) == {"evaluation": {"source": "miniature", "runs": 5}}


def test_weights_of_tasks_replace_those_below():
    under = {"data": {"a": {"tasks": {"sum": 1, "even": 1}, "seed": 1}}}
    over = {"data": {"a": {"tasks": {"compare": 1}}}}
    assert merge(under, over) == {"data": {"a": {"tasks": {"compare": 1}, "seed": 1}}}
