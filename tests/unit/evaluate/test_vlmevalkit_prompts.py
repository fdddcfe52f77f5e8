"""Our prompts are those of VLMEvalKit, on generated rows.

VLMEvalKit is optional: `pip install --no-deps ms-vlmeval==0.0.20`.
"""

import pytest

from r1v3.evaluate.benchmarks import olympiadbench, seephys
from r1v3.evaluate.items.item import make_item
from r1v3.evaluate.vlmevalkit import is_installed, load_peer

if not is_installed():
    pytest.skip("VLMEvalKit (ms-vlmeval) is not installed", allow_module_level=True)


def theirs(module, kind, dataset, row, pictures=1):
    """Return VLMEvalKit's prompt as one text with `<image>` in place of a picture."""
    maker = getattr(load_peer(module), kind)
    made = maker.__new__(maker)
    made.dataset_name, made.meta_only = dataset, True
    paths = [f"{n}.png" for n in range(pictures)]
    made.dump_image = lambda line: paths
    line = {**{k: v if v != "" else float("nan") for k, v in row.items()}, "image_path": str(paths)}
    parts = made.build_prompt(line)
    return "".join("<image>" if part["type"] == "image" else part["value"] for part in parts)


def squeezed(text):
    return "".join(text.split())


CHOICE = {"index": "1", "pictures": "1", "question": "Which is red?", "answer": "B"}
CHOICE |= {"A": "a cat", "B": "a dog", "C": "None", "hint": ""}


@pytest.mark.parametrize(
    ("name", "module", "kind", "dataset", "changes"),
    [
        (
            "mmmu_val",
            "dataset.image_mcq",
            "MMMUDataset",
            "MMMU_DEV_VAL",
            {"question": "In <image 1>?"},
        ),
        ("mmmu_val", "dataset.image_mcq", "MMMUDataset", "MMMU_DEV_VAL", {"hint": "Look."}),
        ("mmmu_pro_standard", "dataset.image_mcq", "MMMUProDataset", "MMMU_Pro_10c_COT", {}),
        ("mmmu_pro_vision", "dataset.image_mcq", "MMMUProDataset", "MMMU_Pro_V_COT", {}),
        ("mmstar", "dataset.image_mcq", "ImageMCQDataset", "MMStar", {}),
        (
            "mmbench_en_v11",
            "dataset.image_mcq",
            "ImageMCQDataset",
            "MMBench_DEV_EN_V11",
            {"hint": "Look."},
        ),
        (
            "wemath",
            "dataset.image_mcq",
            "WeMath",
            "WeMath_COT",
            {"requirement": "End with <Answer>."},
        ),
        ("visulogic", "dataset.image_mcq", "VisuLogic", "VisuLogic", {}),
        (
            "mathverse_vision_only",
            "dataset.image_vqa",
            "MathVerse",
            "MathVerse_MINI_Vision_Only_cot",
            {},
        ),
        ("mathvision", "dataset.image_vqa", "MathVision", "MathVision", {}),
        ("mathvista_mini", "dataset.image_vqa", "MathVista", "MathVista_MINI", {}),
        ("logicvista", "dataset.image_vqa", "LogicVista", "LogicVista", {}),
        ("mme_reasoning", "dataset.image_vqa", "MMEReasoning", "MME-Reasoning", {}),
        (
            "hallusionbench",
            "dataset.image_yorn",
            "ImageYORNDataset",
            "HallusionBench",
            {"answer": "Yes"},
        ),
    ],
)
def test_the_prompt_is_theirs(table, name, module, kind, dataset, changes):
    row = CHOICE | {"query_cot": "Think about the question in the image."} | changes
    entry = table[name]
    form = (
        {"answer_type": "mcq", "template": entry.prompt.choice} if name == "mme_reasoning" else {}
    )
    if name in ("mathvision", "mathvista_mini", "mme_reasoning"):
        form |= {"options": None, "golds": ("B",)}
    ours = make_item(row, entry, **form).prompt
    assert squeezed(ours) == squeezed(theirs(module, kind, dataset, row))


def test_several_pictures_are_interleaved_as_theirs(table):
    row = CHOICE | {"question": "From <image 2> to <image 1>?", "pictures": "2"}
    item = make_item(row, table["mmmu_val"])
    assert squeezed(item.prompt) == squeezed(
        theirs("dataset.image_mcq", "MMMUDataset", "MMMU_DEV_VAL", row, pictures=2)
    )


def test_emma_asks_as_theirs(table):
    row = CHOICE | {"context": "Given <image_1>.", "options": "['a cat', 'a dog', 'None']"}
    ours = make_item(row, table["emma_mini"]).prompt
    their_row = row | {"context": "Given <image 1>.", "type": "MCQ"}
    assert squeezed(ours) == squeezed(theirs("dataset.emma", "EMMADataset", "EMMA_COT", their_row))


@pytest.mark.parametrize("language", ["English", "Chinese"])
def test_seephys_asks_as_theirs(table, language):
    row = {**CHOICE, "language": language, "sig_figs": "3"}
    [item] = seephys.items_of_row(row, table["seephys"])
    assert squeezed(item.prompt) == squeezed(theirs("dataset.image_vqa", "SeePhys", "SeePhys", row))


@pytest.mark.parametrize(
    "source", ["OE_MM_maths_en_COMP", "OE_MM_maths_zh_CEE", "OE_MM_physics_en_COMP"]
)
@pytest.mark.parametrize(
    ("kind", "several"),
    [("Numerical", ""), ("Expression", "True"), ("Tuple", "True"), ("Numerical,Equation", "True")],
)
@pytest.mark.parametrize("unit", ["", "kg"])
def test_olympiadbench_asks_as_theirs(table, source, kind, several, unit):
    row = CHOICE | {"source": source, "answer_type": kind, "final_answer": "['1']", "context": ""}
    ours = olympiadbench.items_of_row(
        row | {"is_multiple_answer": several, "unit": unit, "error": ""}, table["olympiadbench"]
    )
    line = row | {"is_multiple_answer": bool(several), "unit": unit or None}
    their_prompt = theirs("dataset.image_vqa", "OlympiadBench", "OlympiadBench", line)
    assert squeezed(ours[0].prompt) == squeezed(their_prompt)
