"""Makes configs of sets that a model answers, as the recipe does."""

from model_fixtures import IMAGES, TEMPLATE

from r1v3.recipe.graph.configs import SampledDataConfig

FILTERS = {
    "max_tokens": None, "max_repetition": None, "max_repeated_grams": None, "max_reconsiderations": None,
    "max_other_script": None, "format": True, "leakage": True, "judge": None, "reward_model": None,
}  # fmt: skip


def sampled_config(**changed) -> SampledDataConfig:
    """Return the config of a set that a model answers; `changed` replaces keys of the set."""
    spec = {
        "kind": "sampled",
        "questions": "ask",
        "by": "teacher",
        "checkpoint": "last",
        "samples": 3,
        "temperature": 1.0,
        "top_p": 1.0,
        "max_new_tokens": 20,
        "keep": "first",
        "keep_per_question": 1,
        "otherwise": "drop",
        "pass_rates": None,
        "filters": FILTERS,
        "seed": 1,
    }
    resolved = {
        "version": 1,
        "name": "test",
        "seed": 1,
        "questions": "ask-0",
        "set": spec | changed,
        "by": {"run": "teacher-0", "checkpoint": "last", "selection": None},
        "generation": {"engine": "transformers", "mode": "slow"},
        "grading": {"accuracy_weight": 0.5, "format_weight": 0.5, "verifier": None},
        "template": TEMPLATE,
        "images": IMAGES,
    }
    return SampledDataConfig.model_validate(resolved)
