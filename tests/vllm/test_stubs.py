"""The stubs in typings/vllm agree with the library."""

import ast
import importlib
import inspect
from pathlib import Path

import pytest

STUBS = Path(__file__).parents[2] / "typings"
FILES = sorted(path for path in (STUBS / "vllm").rglob("*.pyi") if path.stat().st_size)


def module_name(path):
    return ".".join(path.relative_to(STUBS).with_suffix("").parts).removesuffix(".__init__")


def classes(path):
    return [n for n in ast.parse(path.read_text()).body if isinstance(n, ast.ClassDef)]


def found(module, name):
    """Return the class of a name from the module, or from where the library defines it."""
    elsewhere = {
        "CompletionOutput": "vllm.outputs",
        "LLMEngine": "vllm.v1.engine.llm_engine",
        "Logprob": "vllm.logprobs",
        "MultiModalRegistry": "vllm.multimodal.registry",
        "RequestOutput": "vllm.outputs",
        "TokensPrompt": "vllm.inputs",
    }
    return getattr(importlib.import_module(elsewhere.get(name, module)), name)


@pytest.mark.parametrize("path", FILES, ids=module_name)
def test_every_method_of_the_stubs_takes_these_arguments_in_the_library(path):
    pytest.importorskip("vllm", reason="vLLM is not installed here: `make test-vllm`")
    for told in classes(path):
        if told.name == "HFConfig":  # transformers' own, of any architecture
            continue
        real = found(module_name(path), told.name)
        for method in [n for n in told.body if isinstance(n, ast.FunctionDef)]:
            if told.name == "SamplingParams":  # made from the fields of the class
                names = set(real.__annotations__)
            else:
                names = set(inspect.signature(getattr(real, method.name)).parameters)
            arguments = [*method.args.args, *method.args.kwonlyargs]
            wanted = {argument.arg for argument in arguments} - {"self"}
            assert wanted <= names, f"{told.name}.{method.name}"


def test_every_function_of_the_stubs_takes_these_arguments_in_the_library():
    pytest.importorskip("vllm", reason="vLLM is not installed here: `make test-vllm`")
    for path in FILES:
        module = importlib.import_module(module_name(path))
        for told in [n for n in ast.parse(path.read_text()).body if isinstance(n, ast.FunctionDef)]:
            real = inspect.signature(getattr(module, told.name)).parameters
            if not any(each.kind is each.VAR_POSITIONAL for each in real.values()):
                assert {argument.arg for argument in told.args.args} <= set(real), told.name


def test_every_attribute_of_the_stubs_is_one_of_the_engine(engine):
    from vllm import SamplingParams

    config = engine.llm.model_config
    (output,) = engine.llm.generate(
        [{"prompt_token_ids": [1, 2]}], SamplingParams(max_tokens=1, logprobs=0), use_tqdm=False
    )
    instances = {
        "CompletionOutput": output.outputs[0],
        "HFConfig": config.hf_config,
        "LLM": engine.llm,
        "LLMEngine": engine.llm.llm_engine,
        "Logprob": next(iter(output.outputs[0].logprobs[0].values())),
        "ModelConfig": config,
        "ParallelConfig": engine.llm.llm_engine.vllm_config.parallel_config,
        "RequestOutput": output,
        "VllmConfig": engine.llm.llm_engine.vllm_config,
    }
    for told in [told for path in FILES for told in classes(path)]:
        for field in [n for n in told.body if isinstance(n, ast.AnnAssign)]:
            if told.name != "TokensPrompt":
                assert hasattr(instances[told.name], field.target.id), (told.name, field.target.id)
