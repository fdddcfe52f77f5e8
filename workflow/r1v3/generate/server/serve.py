r"""Serves a checkpoint by vLLM's OpenAI-compatible server, on loopback and behind a generated key.

    r1v3 serve results/runs/<run>/checkpoints/<step> --key-file server.key
    export R1V3_SERVER_URL=http://127.0.0.1:8000/v1 R1V3_SERVER_KEY=$(cat server.key)

A checkpoint of ours uses the recipe's template (section 6.2) with its role names. Another model uses its own
template with `--template own`. Pictures become the same tiles as in the other engines.
"""

import json
import os
import runpy
import secrets
import sys
import tempfile
from pathlib import Path

from r1v3.recipe.schema.recipe import Images, Template

LOOPBACK = "127.0.0.1"


def chat_template(template: Template, picture: str) -> str:
    """Return the recipe's template in Jinja for a server; it writes the same as `render_prompt`.

    Args:
        picture: the text for one picture in the form of vLLM (`ImageProcessor.sent`).
    """
    roles = {"user": template.user_role, "assistant": template.assistant_role}
    return (
        "{%- set roles = " + json.dumps(roles) + " -%}"
        "{%- for message in messages -%}"
        "{{- '<|im_start|>' + roles.get(message.role, message.role) + '\\n' -}}"
        "{%- if message.content is string -%}{{- message.content -}}{%- else -%}"
        "{%- for part in message.content -%}"
        "{{- part.text if part.type == 'text' else " + json.dumps(picture) + " -}}"
        "{%- endfor -%}{%- endif -%}"
        "{{- '<|im_end|>\\n' -}}"
        "{%- endfor -%}"
        "{%- if add_generation_prompt -%}{{- '<|im_start|>' + roles['assistant'] + '\\n' -}}{%- endif -%}"
    )


def write_key(path: Path) -> str:
    """Write a new key to a file that only its owner can read, and return it."""
    key = secrets.token_urlsafe(32)
    path.unlink(missing_ok=True)
    with open(os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600), "w") as file:
        file.write(key)
    return key


def server_arguments(model: Path, images: Images, *, port: int, rows: int) -> list[str]:
    """Return the server's arguments, without the key, because every user could read it there."""
    from r1v3.generate.vllm.start import visible
    from r1v3.model.processor import load_processor

    options = visible(model, rows=rows)
    options |= {"model": str(model), "host": LOOPBACK, "port": port}
    options["mm_processor_kwargs"] = json.dumps(load_processor(model).arguments(images))
    words = []
    for name, value in options.items():
        flag = "--" + name.replace("_", "-")
        if value is True or value is False:
            words += [flag] if value else []
        else:
            words += [flag, str(value)]
    return words


def serve_checkpoint(
    model: Path, images: Images, template: Template | None, *, key_file: Path, port: int, rows: int
) -> None:
    """Run the server of a checkpoint until it is told to end.

    Args:
        model: the checkpoint's folder.
        images: the recipe's `images`, which decide how pictures become tiles.
        template: the recipe's `template`; None for the model's own.
        key_file: receives a new key.
        rows: number of samples that decode at once.
    """
    from r1v3.generate.vllm.processor import use_our_processor
    from r1v3.generate.vllm.start import set_vllm_environment

    set_vllm_environment()
    processor = use_our_processor(model, images)
    os.environ["VLLM_API_KEY"] = write_key(key_file)
    words = server_arguments(model, images, port=port, rows=rows)
    with tempfile.TemporaryDirectory(prefix="r1v3-serve-") as folder:
        if template is not None:
            path = Path(folder) / "template.jinja"
            path.write_text(chat_template(template, processor.sent))
            words += ["--chat-template", str(path), "--chat-template-content-format", "openai"]
        print(f"http://{LOOPBACK}:{port}/v1, the key in {key_file}", flush=True)
        module = "vllm.entrypoints.openai.api_server"
        sys.argv = [module, *words]
        runpy.run_module(module, run_name="__main__")
