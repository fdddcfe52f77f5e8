"""Documents of sets that a model answers, as the recipe makes them."""

from model_fixtures import IMAGES, TEMPLATE

FILTERS = {
    "max_tokens": None, "max_repetition": None, "max_repeated_grams": None, "max_reconsiderations": None,
    "max_other_script": None, "format": True, "leakage": True, "judge": None, "reward_model": None,
}  # fmt: skip


def sampled_document(**changed) -> dict:
    """The document of a set that a model answers; `changed` replaces keys of the set."""
    spec = {
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
    return {
        "set": spec | changed,
        "by": {"run": "teacher-0", "checkpoint": "last", "selection": None},
        "generation": {"engine": "transformers", "mode": "slow"},
        "grading": {"verifier": None},
        "template": TEMPLATE.model_dump(),
        "images": IMAGES.model_dump(),
    }
