r"""Serves a checkpoint by vLLM's OpenAI-compatible server, on loopback and behind a generated key.

    python -m r1v3.generate.server.serve --model results/runs/<run>/checkpoints/<step> --key-file server.key
    export R1V3_SERVER_URL=http://127.0.0.1:8000/v1 R1V3_SERVER_KEY=$(cat server.key)

A checkpoint of ours speaks the recipe's template (section 6.2), role names and all; another model keeps its
own with `--template own`. Pictures become the same tiles as in the other engines.
"""

import argparse
import json
import os
import runpy
import secrets
import sys
import tempfile
from pathlib import Path

from r1v3.recipe.schema.recipe import Images, Template

ROOT = Path(__file__).resolve().parents[4]
LOOPBACK = "127.0.0.1"


def chat_template(template: Template) -> str:
    """The recipe's template for a server, which renders turns; it writes what `render_prompt` writes."""
    roles = {"user": template.user_role, "assistant": template.assistant_role}
    return (
        "{%- set roles = " + json.dumps(roles) + " -%}"
        "{%- for message in messages -%}"
        "{{- '<|im_start|>' + roles.get(message.role, message.role) + '\\n' -}}"
        "{%- if message.content is string -%}{{- message.content -}}{%- else -%}"
        "{%- for part in message.content -%}"
        "{{- part.text if part.type == 'text' else '<IMG_CONTEXT>' -}}"
        "{%- endfor -%}{%- endif -%}"
        "{{- '<|im_end|>\\n' -}}"
        "{%- endfor -%}"
        "{%- if add_generation_prompt -%}{{- '<|im_start|>' + roles['assistant'] + '\\n' -}}{%- endif -%}"
    )


def write_key(path: Path) -> str:
    """A new key, in a file that only its owner reads."""
    key = secrets.token_urlsafe(32)
    path.unlink(missing_ok=True)
    with open(os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600), "w") as file:
        file.write(key)
    return key


def server_arguments(model: Path, images: Images, *, port: int, rows: int) -> list[str]:
    """What the server is started with; the key is not among it, where every user would read it."""
    from r1v3.generate.vllm.processor import tiling
    from r1v3.generate.vllm.start import visible

    options = visible(model, rows=rows)
    options |= {"model": str(model), "host": LOOPBACK, "port": port}
    options["mm_processor_kwargs"] = json.dumps(tiling(images))
    words = []
    for name, value in options.items():
        flag = "--" + name.replace("_", "-")
        if value is True or value is False:
            words += [flag] if value else []
        else:
            words += [flag, str(value)]
    return words


def main() -> None:
    from r1v3.generate.vllm.processor import use_our_processor
    from r1v3.generate.vllm.start import prepare
    from r1v3.recipe.load import load_project

    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--model", type=Path, required=True, help="a checkpoint folder")
    parser.add_argument("--recipe", default="tiny", help="whose template and images")
    parser.add_argument("--template", choices=("recipe", "own"), default="recipe")
    parser.add_argument("--key-file", type=Path, required=True, help="written anew")
    parser.add_argument("--port", type=int, default=8000)
    parser.add_argument("--rows", type=int, default=256, help="samples that decode at once")
    args = parser.parse_args()
    recipe = load_project(ROOT, args.recipe).recipe
    prepare()
    os.environ["VLLM_API_KEY"] = write_key(args.key_file)
    words = server_arguments(args.model, recipe.images, port=args.port, rows=args.rows)
    with tempfile.TemporaryDirectory(prefix="r1v3-serve-") as folder:
        if args.template == "recipe":
            path = Path(folder) / "template.jinja"
            path.write_text(chat_template(recipe.template))
            words += ["--chat-template", str(path), "--chat-template-content-format", "openai"]
        use_our_processor(args.model, recipe.images)
        print(f"http://{LOOPBACK}:{args.port}/v1, the key in {args.key_file}", flush=True)
        module = "vllm.entrypoints.openai.api_server"
        sys.argv = [module, *words]
        runpy.run_module(module, run_name="__main__")


if __name__ == "__main__":
    main()
