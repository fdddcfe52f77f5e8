"""vLLM's own implementation of InternVL's layout and our converted model give equal answers."""

import gc
import json

import pytest
from chat_checkpoints import SIX_B, VISION, chat_config, write_chat_checkpoint
from model_fixtures import IMAGES, picture

from r1v3.generate import Request, Sampling
from r1v3.generate.in_process.engine import TransformersEngine
from r1v3.model.chat_template import renderer
from r1v3.model.encode import Encoder
from r1v3.model.layouts.internvl_chat_folder import convert_checkpoint
from r1v3.model.load import load_model, load_processor

pytest.importorskip("vllm", reason="vLLM is not installed here: `make test-vllm`")
# Fields that InternViT-6B's class has as defaults; vLLM reads them without those.
WHOLE = SIX_B | {"norm_type": "rms_norm", "qk_normalization": True, "qkv_bias": False}
WHOLE |= {
    "layer_norm_eps": 1e-6,
    "hidden_act": "gelu",
    "num_channels": 3,
    "initializer_factor": 0.1,
}
WHOLE |= {"model_type": "intern_vit_6b", "dropout": 0.0, "attention_dropout": 0.0}
KINDS = {
    "InternVL3": lambda: chat_config("qwen2", vision=VISION),
    "InternVL3.5": lambda: chat_config("qwen3", vision=WHOLE),
    "Skywork-R1V": lambda: chat_config("qwen2", vision=WHOLE, kind="skywork"),
}
CASES = {
    "text": ("3+4=", ()),
    "one tile": ("<image>\nWhat is the sum?", (picture(1),)),
    "several tiles": ("<image>\nWhat?", (picture(2, 91, 40),)),
    "two pictures": ("<image> and <image>\n3+4=", (picture(4, 57, 28), picture(5))),
}


def vllm_of(folder, architecture):
    """Open vLLM on the original folder, whose remote code is neither present nor requested."""
    import vllm
    from chat_config_classes import register_chat_configs

    from r1v3.generate.vllm.start import set_vllm_environment

    set_vllm_environment()
    register_chat_configs()
    config = json.loads((folder / "config.json").read_text())
    del config["auto_map"]
    (folder / "config.json").write_text(json.dumps(config))
    return vllm.LLM(
        str(folder),
        dtype="float32",
        enforce_eager=True,
        max_model_len=1024,
        max_num_seqs=4,
        limit_mm_per_prompt={"image": 2},
        mm_processor_kwargs={"max_dynamic_patch": IMAGES.max_tiles},
        logprobs_mode="processed_logprobs",
        hf_overrides={"architectures": [architecture]},
    )


@pytest.mark.parametrize("kind", KINDS)
def test_greedy_tokens_and_log_probabilities_are_vllms(kind, tmp_path):
    import vllm

    came = write_chat_checkpoint(tmp_path / "came", KINDS[kind]())
    native = convert_checkpoint(came, tmp_path / "native")
    render = renderer("own", native)
    ours = TransformersEngine(load_model(native).eval(), Encoder(load_processor(native), IMAGES))
    architecture = "SkyworkR1VChatModel" if kind == "Skywork-R1V" else "InternVLChatModel"
    theirs = vllm_of(came, architecture)
    never = dict.fromkeys(Encoder(load_processor(native), IMAGES).never, -100.0)
    asked = vllm.SamplingParams(
        temperature=0.0, max_tokens=16, logprobs=0, ignore_eos=True, logit_bias=never
    )
    for name, (question, pictures) in CASES.items():
        prompt = render(question, "nothink")
        request = Request(name, prompt, pictures, seed=1)
        (answer,) = (r for batch in ours.generate([request], Sampling(0.0, 1.0, 16)) for r in batch)
        shown = {"prompt": prompt}
        if pictures:
            shown["multi_modal_data"] = {"image": list(pictures)}
        (found,) = theirs.generate([shown], asked, use_tqdm=False)
        said, length = found.outputs[0], len(answer.token_ids)
        assert len(found.prompt_token_ids) == answer.prompt_tokens, name
        assert length > 0
        assert tuple(said.token_ids[:length]) == tuple(answer.token_ids), name
        logprobs = [each[i].logprob for i, each in zip(said.token_ids, said.logprobs)]
        assert logprobs[:length] == pytest.approx(list(answer.logprobs), abs=1e-3), name
    del theirs
    gc.collect()
