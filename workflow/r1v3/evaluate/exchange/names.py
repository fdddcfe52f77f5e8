"""The names of each benchmark in other harnesses, and the source of the prompt that we follow.

Names and files are those of VLMEvalKit at commit e8e78f0 and of lmms-eval at commit 75571cf. If one of them
lacks a benchmark, our own name is used.
"""

import re
from dataclasses import dataclass

KIT = "open-compass/VLMEvalKit, vlmeval/dataset"


@dataclass(frozen=True)
class Peer:
    """A benchmark's data set in VLMEvalKit, its task in lmms-eval, and the source of its prompt."""

    dataset: str | None
    task: str | None
    source: str


PEERS = {
    "mmmu_val": Peer("MMMU_DEV_VAL", "mmmu_val", f"{KIT}/image_mcq.py, MMMUDataset"),
    "emma_mini": Peer("EMMA_COT", "emma-mini", f"{KIT}/emma.py, EMMADataset"),
    "mmmu_pro_standard": Peer(
        "MMMU_Pro_10c_COT", "mmmu_pro_standard_cot", f"{KIT}/image_mcq.py, MMMUProDataset"
    ),
    "mmk12": Peer(None, None, "ModalMinds/MM-EUREKA, eval, prompt of MMK12"),
    "mmstar": Peer("MMStar", "mmstar", f"{KIT}/image_mcq.py, ImageMCQDataset"),
    "mmbench_en_v11": Peer(
        "MMBench_DEV_EN_V11", "mmbench_en_dev", f"{KIT}/image_mcq.py, ImageMCQDataset"
    ),
    "hallusionbench": Peer(
        "HallusionBench", "hallusion_bench_image", f"{KIT}/image_yorn.py, ImageYORNDataset"
    ),
    "mathvista_mini": Peer(
        "MathVista_MINI", "mathvista_testmini_cot", f"{KIT}/image_vqa.py, MathVista"
    ),
    "mathverse_vision_only": Peer(
        "MathVerse_MINI_Vision_Only_cot",
        "mathverse_testmini_vision_only",
        f"{KIT}/image_vqa.py, MathVerse",
    ),
    "mathvision": Peer("MathVision", "mathvision_test", f"{KIT}/image_vqa.py, MathVision"),
    "wemath": Peer("WeMath_COT", "wemath_testmini_reasoning", f"{KIT}/image_mcq.py, WeMath"),
    "visulogic": Peer("VisuLogic", "visulogic", f"{KIT}/image_mcq.py, VisuLogic"),
    "logicvista": Peer("LogicVista", "logicvista_reasoning", f"{KIT}/image_vqa.py, LogicVista"),
    "mme_reasoning": Peer("MME-Reasoning", None, f"{KIT}/image_vqa.py, MMEReasoning"),
    "phyx_mini_mc": Peer("PhyX_mini_MC", "phyx_mini_mc", f"{KIT}/image_vqa.py, PhyX"),
    "seephys": Peer("SeePhys", "seephys", f"{KIT}/image_vqa.py, SeePhys"),
    "mmmu_pro_vision": Peer(
        "MMMU_Pro_V_COT", "mmmu_pro_vision_cot", f"{KIT}/image_mcq.py, MMMUProDataset"
    ),
    "olympiadbench": Peer("OlympiadBench", None, f"{KIT}/image_vqa.py, OlympiadBench"),
    "csvqa": Peer(None, None, "SkyworkAI/CSVQA, the prompts of its evaluation"),
    "gaokao_2025": Peer(
        None, None, "none: the paper's own questions, and nobody publishes a prompt"
    ),
}

# The same items, with a request for steps. For EMMA alone, the name without it is another set, the whole one.
COT = re.compile("_cot$", re.IGNORECASE)
# The name of a judge, or a date.
BEHIND = re.compile(
    r"(?:_(?:exact_matching|openai|chatgpt[\w.-]*?|gpt-?\d[\w.-]*?|result|score|acc|20\d\d[\dt_:.-]*))+$"
)


def dataset_of(benchmark: str) -> str:
    """Return VLMEvalKit's name, or ours if it has none."""
    peer = PEERS.get(benchmark)
    return peer.dataset if peer and peer.dataset else benchmark


def task_of(benchmark: str) -> str:
    """Return lmms-eval's name, or ours if it has none."""
    peer = PEERS.get(benchmark)
    return peer.task if peer and peer.task else benchmark


def benchmark_in(stem: str, known: list[str]) -> str | None:
    """Return the benchmark whose name, in any harness, ends a file's name. The longest name wins.

    A date, or the name of a judge, may follow (`my_model_MMStar_openai_result`), and case does not matter.

    Args:
        stem: such as `my_model_MMStar` or `20260101_120000_samples_mmstar`.
        known: our names of benchmarks.
    """
    names = {
        alias.casefold(): name
        for name in known
        for full in (name, dataset_of(name), task_of(name))
        for alias in (full, COT.sub("", full) if name != "emma_mini" else full)
    }
    whole = stem.casefold()
    for text in (whole, BEHIND.sub("", whole)):
        matching = [alias for alias in names if text == alias or text.endswith(f"_{alias}")]
        if matching:
            return names[max(matching, key=len)]
    return None
