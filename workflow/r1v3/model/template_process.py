"""The child process that renders another model's chat template: `python -m r1v3.model.template_process`.

A chat template is a program. Jinja's sandbox denies it Python's own objects, but does not stop it from
running forever or from filling the memory. This process limits its own memory, opens no file for writing,
and has nothing of its parent's environment. It reads one JSON request a line from stdin, and writes one
JSON reply a line to stdout.

The environment of templates equals that of transformers (`chat_template_utils`). It does not import
transformers, so that it starts in a tenth of a second; a test compares both.
"""

import json
import signal
import sys
from datetime import datetime
from typing import Any

import jinja2
import jinja2.ext
from jinja2 import nodes
from jinja2.sandbox import ImmutableSandboxedEnvironment

from r1v3.base.memory import limit_process

MEMORY = 512 * 2**20  # limit of address space in bytes, including Python itself
LONGEST = 2**20  # most characters of a template, and of its output


class GenerationTag(jinja2.ext.Extension):
    """`{% generation %}` marks the text of an assistant. It has no effect on a prompt."""

    tags = {"generation"}

    def parse(self, parser: Any) -> nodes.Node:
        """Return the body unchanged."""
        line = next(parser.stream).lineno
        body = parser.parse_statements(("name:endgeneration",), drop_needle=True)
        return nodes.CallBlock(self.call_method("_written"), [], [], body).set_lineno(line)

    def _written(self, caller: Any) -> str:
        return caller()


def sandboxed_environment() -> ImmutableSandboxedEnvironment:
    """Return an environment that reads templates as transformers does."""
    found = ImmutableSandboxedEnvironment(
        trim_blocks=True, lstrip_blocks=True, extensions=[GenerationTag, jinja2.ext.loopcontrols]
    )
    found.filters["tojson"] = _to_json
    found.globals["raise_exception"] = _refuse
    found.globals["strftime_now"] = _now
    return found


def _to_json(
    value: object, ensure_ascii: bool = False, indent: Any = None, separators: Any = None,
    sort_keys: bool = False,
) -> str:  # fmt: skip
    return json.dumps(
        value, ensure_ascii=ensure_ascii, indent=indent, separators=separators, sort_keys=sort_keys
    )


def _refuse(message: str) -> None:
    raise jinja2.TemplateError(message)


def _now(form: str) -> str:
    return datetime.now().strftime(form)


def render_request(request: dict[str, Any], compiled: dict[str, jinja2.Template]) -> dict[str, str]:
    """Return the prompt, or what is wrong with the template.

    Args:
        request: `template`, `values` (the names that it may use), and `seconds` of CPU time.
        compiled: templates of earlier requests.
    """
    text = request["template"]
    signal.setitimer(signal.ITIMER_PROF, request["seconds"])  # the kernel ends this process
    try:
        if len(text) > LONGEST:
            return {"error": f"longer than {LONGEST} characters"}
        if text not in compiled:
            compiled[text] = sandboxed_environment().from_string(text)
        parts, size = [], 0
        for part in compiled[text].generate(**request["values"]):
            parts.append(part)
            size += len(part)
            if size > LONGEST:
                return {"error": f"it writes more than {LONGEST} characters"}
        written = "".join(parts)
        written.encode()  # fails for half a character, which no tokenizer reads
        return {"text": written} if written.strip() else {"error": "it writes nothing"}
    except MemoryError:
        return {"error": f"it needs more than {MEMORY // 2**20} MiB"}
    except Exception as error:  # any error that the other model's program raises
        return {"error": f"{type(error).__name__}: {str(error)[:200]}"}
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)


def main() -> None:
    """Answer requests until the parent closes its end of the pipe."""
    compiled: dict[str, jinja2.Template] = {}
    limit_process(MEMORY)
    for line in sys.stdin:
        print(json.dumps(render_request(json.loads(line), compiled)), flush=True)


if __name__ == "__main__":
    main()
