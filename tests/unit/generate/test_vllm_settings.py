"""The settings with which vLLM is started, in process or as a server; `make test-vllm` tests vLLM itself."""

import json
import stat
import subprocess
import sys

import pytest
from model_fixtures import IMAGES, TEMPLATE, small_model, small_processor

from r1v3.generate import load_engine
from r1v3.generate.server.serve import chat_template, server_arguments, write_key
from r1v3.generate.vllm.start import arguments
from r1v3.model.load import save_checkpoint
from r1v3.model.prompt_template import render_prompt
from r1v3.recipe.graph.configs import Answering


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory):
    folder = tmp_path_factory.mktemp("settings") / "model"
    save_checkpoint(small_model(), small_processor(), folder)
    return folder


def test_no_remote_code_safetensors_alone_and_the_checkpoints_own_precision(checkpoint):
    chosen = arguments(checkpoint, rows=8, accelerators=4)
    assert chosen["trust_remote_code"] is False
    assert chosen["load_format"] == "safetensors"
    assert chosen["dtype"] == "float32"
    assert chosen["tensor_parallel_size"] == 4  # all that are visible
    assert chosen["enable_sleep_mode"]


def test_the_machine_decides_parallel_size_and_memory_by_the_environment(checkpoint, monkeypatch):
    monkeypatch.setenv("R1V3_VLLM_TENSOR_PARALLEL", "2")
    monkeypatch.setenv("R1V3_VLLM_MEMORY", "0.5")
    chosen = arguments(checkpoint, rows=8, accelerators=4)
    assert (chosen["tensor_parallel_size"], chosen["gpu_memory_utilization"]) == (2, 0.5)
    for wrong in ("8", "1.5", "two", "0"):
        monkeypatch.setenv("R1V3_VLLM_TENSOR_PARALLEL", wrong)
        with pytest.raises(ValueError, match="R1V3_VLLM_TENSOR_PARALLEL must be a"):
            arguments(checkpoint, rows=8, accelerators=4)


def test_a_connector_that_lies_in_the_tower_is_whole_in_every_worker(checkpoint, tmp_path):
    (tmp_path / "config.json").write_text(json.dumps({"model_type": "qwen3_vl"}))
    assert arguments(tmp_path, rows=8, accelerators=4)["mm_encoder_tp_mode"] == "data"
    assert "mm_encoder_tp_mode" not in arguments(tmp_path, rows=8, accelerators=1)
    assert "mm_encoder_tp_mode" not in arguments(checkpoint, rows=8, accelerators=4)


def test_without_vllm_the_engine_says_where_it_is(checkpoint):
    if subprocess.run([sys.executable, "-c", "import vllm"], capture_output=True).returncode == 0:
        pytest.skip("vLLM is installed here")
    with pytest.raises(ValueError, match=r"envs/gpu\.yaml.*make test-vllm"):
        load_engine(Answering(engine="vllm", mode="slow"), IMAGES, checkpoint)


def test_the_server_binds_to_loopback_and_its_key_is_nowhere_but_in_its_file(checkpoint, tmp_path):
    key = write_key(tmp_path / "key")
    assert stat.S_IMODE((tmp_path / "key").stat().st_mode) == 0o600
    assert key == (tmp_path / "key").read_text()
    assert key != write_key(tmp_path / "key")
    words = server_arguments(checkpoint, IMAGES, port=9, rows=8)
    assert words[words.index("--host") + 1] == "127.0.0.1"
    assert words[words.index("--load-format") + 1] == "safetensors"
    assert not {"--trust-remote-code", "--api-key"} & set(words)
    tiles = json.loads(words[words.index("--mm-processor-kwargs") + 1])
    assert tiles == {"crop_to_patches": True, "min_patches": 1, "max_patches": 4}


@pytest.mark.parametrize("mode", ["slow", "nothink"])
def test_the_servers_template_writes_what_the_other_engines_read(mode):
    expected = render_prompt(TEMPLATE, "<image>\nWhat is the sum?", mode)
    user = [{"type": "image_url"}, {"type": "text", "text": "\nWhat is the sum?"}]
    messages = [
        {"role": "system", "content": TEMPLATE.system},
        {"role": "user", "content": user},
    ]
    if mode == "slow":
        messages.append({"role": "assistant", "content": "<think>"})
    shown = small_processor().tokenizer.apply_chat_template(
        messages,
        chat_template=chat_template(TEMPLATE, small_processor().sent),
        tokenize=False,
        add_generation_prompt=mode != "slow",
        continue_final_message=mode == "slow",
    )
    assert shown == expected.replace("<image>", "<IMG_CONTEXT>")


def test_a_saved_checkpoint_has_what_the_librarys_own_processor_asks_for(checkpoint):
    settings = json.loads((checkpoint / "processor_config.json").read_text())
    assert settings["processor_class"] == "InternVLProcessor"
    videos = json.loads((checkpoint / "video_preprocessor_config.json").read_text())
    assert videos["size"] == {"height": 28, "width": 28}


def test_generation_can_be_imported_without_torch_or_vllm():
    code = "import sys, r1v3.generate, r1v3.generate.vllm.engine, r1v3.generate.vllm.start; "
    code += "assert not {'torch', 'vllm', 'transformers'} & set(sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True)
