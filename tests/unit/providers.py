"""Scripts for servers on loopback that answer as strictly as OpenAI's and Anthropic's endpoints."""

import base64
import io

from PIL import Image
from scripted_server import completion

CHAT_KEYS = {
    "model", "messages", "n", "temperature", "top_p", "seed", "stop", "logit_bias",
    "max_completion_tokens",
}  # fmt: skip
MESSAGE_KEYS = {
    "model", "messages", "max_tokens", "system", "stop_sequences", "temperature", "top_p",
}  # fmt: skip
REASONING = {"n", "temperature", "top_p", "stop", "logit_bias"}
KINDS = {"image/png": "PNG", "image/jpeg": "JPEG", "image/gif": "GIF", "image/webp": "WEBP"}


def refused(message):
    return 400, {"error": {"type": "invalid_request_error", "message": message}}, {}


def openai(text="four", finish="stop", reasoning=False):
    """Return a script of OpenAI's chat completions; a reasoning model refuses unsupported parameters."""

    def script(body, _):
        unknown = set(body) - CHAT_KEYS | (REASONING & set(body) if reasoning else set())
        if unknown:
            return refused(f"Unsupported parameter: {sorted(unknown)[0]}")
        reply = completion(body, text=text, finish=finish)
        for choice in reply["choices"]:
            del choice["token_ids"], choice["logprobs"]
        reply["usage"]["prompt_tokens_details"] = {"cached_tokens": 4}
        return 200, reply, {}

    return script


def message(text="four", stop="end_turn", new=3):
    """Return a reply of Anthropic's Messages endpoint."""
    return {
        "id": "msg_1",
        "type": "message",
        "role": "assistant",
        "content": [
            {"type": "thinking", "thinking": "2 and 2", "signature": "s"},
            {"type": "text", "text": text},
        ],
        "stop_reason": stop,
        "usage": {
            "input_tokens": 6,
            "cache_read_input_tokens": 3,
            "cache_creation_input_tokens": 1,
            "output_tokens": new,
        },
    }


def what_is_wrong(body):
    """Return why Anthropic's endpoint would refuse a body, or None."""
    if set(body) - MESSAGE_KEYS:
        return f"{sorted(set(body) - MESSAGE_KEYS)[0]}: Extra inputs are not permitted"
    if not isinstance(body.get("max_tokens"), int):
        return "max_tokens: Field required"
    if [turn["role"] for turn in body["messages"]][:1] != ["user"]:
        return "messages: first message must use the user role"
    for turn in body["messages"]:
        for block in turn["content"] if isinstance(turn["content"], list) else []:
            if block["type"] == "text" and not block["text"].strip():
                return "text content blocks must contain non-whitespace text"
            if block["type"] == "image":
                source = block["source"]
                picture = Image.open(io.BytesIO(base64.b64decode(source["data"])))
                if KINDS.get(source["media_type"]) != picture.format:
                    return "the image does not match its media type"
    return None


def anthropic(text="four", stop="end_turn", new=3):
    """Return a script of Anthropic's Messages endpoint."""

    def script(body, _):
        wrong = what_is_wrong(body)
        return refused(wrong) if wrong else (200, message(text, stop, new), {})

    return script
