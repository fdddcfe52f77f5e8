"""Converts conversations of InternVL's own code (`conversation.py`) to chat templates in Jinja.

A checkpoint names a conversation in `template`, and its code has the texts. Here they are read from a table,
or from the checkpoint's `conversation.py`, which is parsed and never run.
"""

import ast
from dataclasses import dataclass
from pathlib import Path

SHUSHENG = (
    "你是书生·万象，英文名是InternVL，是由上海人工智能实验室、清华大学及多家合作单位联合开发的"
    "多模态大语言模型。"
)
OLDER = (
    "你是由上海人工智能实验室联合商汤科技开发的书生多模态大模型，英文名叫InternVL, "
    "是一个有用无害的人工智能助手。"
)


@dataclass(frozen=True)
class Conversation:
    """How turns are written: the text before and after each, and the default system prompt."""

    opens_system: str
    opens_user: str
    opens_assistant: str
    separator: str
    system: str

    @property
    def end_of_turn(self) -> str:
        """Return the token at which `chat()` of InternVL's code stops."""
        return self.separator.strip()


CHATML = ("<|im_start|>system\n", "<|im_start|>user\n", "<|im_start|>assistant\n")
# OpenGVLab/InternVL, internvl_chat/internvl/conversation.py
KNOWN = {
    "internvl2_5": Conversation(*CHATML, "<|im_end|>\n", SHUSHENG),
    "Hermes-2": Conversation(*CHATML, "<|im_end|>", OLDER),
    "internlm2-chat": Conversation(*CHATML, "<|im_end|>", OLDER),
    "phi3-chat": Conversation("<|system|>\n", "<|user|>\n", "<|assistant|>\n", "<|end|>", OLDER),
}


def conversation_of(config: dict, folder: Path) -> Conversation | None:
    """Return the conversation that a checkpoint's `config.json` names, with its system prompt.

    The checkpoint's own `conversation.py` takes precedence over the table, because Skywork's and others'
    differ there. None if neither has it.
    """
    name, code = config.get("template"), Path(folder) / "conversation.py"
    found = read_code(code.read_text(encoding="utf-8"), name) if code.exists() else None
    found = found or KNOWN.get(name or "")
    system = config.get("system_message")
    if found is None or system is None:
        return found
    return Conversation(
        found.opens_system, found.opens_user, found.opens_assistant, found.separator, system
    )


def read_code(code: str, name: str | None) -> Conversation | None:
    """Read a conversation from the text of a `conversation.py`; None if it is not there as plain text."""
    try:
        tree = ast.parse(code)
    except SyntaxError:
        return None
    for node in ast.walk(tree):
        if not isinstance(node, ast.Call) or getattr(node.func, "id", "") != "Conversation":
            continue
        given = {}
        for keyword in node.keywords:
            try:
                given[keyword.arg] = ast.literal_eval(keyword.value)
            except ValueError:
                given[keyword.arg] = getattr(keyword.value, "attr", None)
        template = given.get("system_template", "")
        if given.get("name") != name or given.get("sep_style") != "MPT" or "roles" not in given:
            continue
        if not template.endswith("{system_message}"):
            continue
        user, assistant = given["roles"]
        return Conversation(
            opens_system=template.removesuffix("{system_message}"),
            opens_user=user,
            opens_assistant=assistant,
            separator=given.get("sep", ""),
            system=given.get("system_message", ""),
        )
    return None


def jinja(conversation: Conversation, image_token: str) -> str:
    """Return the chat template that writes a conversation as InternVL's `chat()` does.

    Text keeps its `<image>` markers, where the caller puts pictures. A picture that is a part of a turn
    becomes `image_token` and a new line.
    """
    one = conversation
    return (
        "{%- macro write(content) -%}"
        "{%- if content is string -%}{{ content }}"
        "{%- else -%}{%- for part in content -%}"
        "{%- if part.type == 'image' -%}{{ " + _quoted(image_token + "\n") + " }}"
        "{%- elif part.type == 'text' -%}{{ part.text }}{%- endif -%}"
        "{%- endfor -%}{%- endif -%}{%- endmacro -%}"
        "{%- if messages[0].role == 'system' -%}"
        "{%- set system = write(messages[0].content) -%}{%- set turns = messages[1:] -%}"
        "{%- else -%}"
        "{%- set system = " + _quoted(one.system) + " -%}{%- set turns = messages -%}"
        "{%- endif -%}"
        "{{ " + _quoted(one.opens_system) + " + system + " + _quoted(one.separator) + " }}"
        "{%- for turn in turns -%}"
        "{{ "
        + _quoted(one.opens_user)
        + " if turn.role == 'user' else "
        + _quoted(one.opens_assistant)
        + " }}"
        "{{ write(turn.content) }}{{ " + _quoted(one.separator) + " }}"
        "{%- endfor -%}"
        "{%- if add_generation_prompt -%}{{ " + _quoted(one.opens_assistant) + " }}{%- endif -%}"
    )


def _quoted(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace("'", "\\'").replace("\n", "\\n")
    return f"'{escaped}'"
