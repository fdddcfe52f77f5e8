"""A reward model on transformers: Qwen2.5-VL, with a value head that maps the last hidden state to a number.

The layout is that of Skywork-VL-Reward-7B (arXiv 2505.07263). The score is the value head's output at the
last token of the conversation in the model's own chat template, as TRL's `AutoModelForCausalLMWithValueHead`
and LLaMA-Factory compute it.

Shapes: B conversations, T tokens of the longest, W the model's width.
"""

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import torch
from transformers import (
    AutoTokenizer,
    PreTrainedTokenizerBase,
    Qwen2_5_VLForConditionalGeneration,
    Qwen2_5_VLModel,
)
from transformers.models.qwen2_vl.image_processing_pil_qwen2_vl import Qwen2VLImageProcessorPil

from r1v3.base.file_hash import files_sha256
from r1v3.base.json_file import FETCH, read_json, read_model_json
from r1v3.model.load import DTYPES
from r1v3.reward.reward_model.conversation import AskedConversation, Unreadable
from r1v3.reward.reward_model.value_head import is_of_head, load_value_head

MODEL_TYPE = "qwen2_5_vl"


@dataclass(frozen=True)
class EncodedConversation:
    """A conversation as input of the model.

    Attributes:
        ids: tokens; each picture is a run of the image token.
        patches_PC: patches of all pictures; None without pictures.
        grid_I3: number of patches of each picture by time, height, width; None without pictures.
    """

    ids: list[int]
    patches_PC: torch.Tensor | None
    grid_I3: torch.Tensor | None


class ScoringModel:
    """Scores conversations with a reward model.

    Args:
        folder: the checkpoint, with tokenizer, chat template and image processor.
        device: device of the weights.
        dtype: number format of the model; the head is float32.
        max_tokens: longest conversation, in tokens; None for the model's number of positions.

    Raises:
        ValueError: the folder is not a reward model of this layout, or has no chat template.
        RuntimeError: weights are missing or unknown.
    """

    def __init__(
        self, folder: Path, *, device: str, dtype: str = "float32", max_tokens: int | None = None
    ):
        config = read_model_json(folder / "config.json")
        if config.get("model_type") != MODEL_TYPE:
            raise ValueError(
                f"{folder} is a model of type {config.get('model_type')}; a reward model of type"
                f" {MODEL_TYPE} with a value head is served here"
            )
        self.folder, self.device = folder, device
        # The library declares the model without its method `to`.
        weights: Any = _load_weights(folder, DTYPES[dtype])
        self.model = weights.to(device)
        text = self.model.config.get_text_config()
        self.head = load_value_head(folder, text.hidden_size).to(device)
        self.max_tokens = max_tokens or int(text.max_position_embeddings)
        self.tokenizer = _load_tokenizer(folder)
        self.pictures = Qwen2VLImageProcessorPil.from_pretrained(folder)
        self.image_id = int(self.model.config.image_token_id)
        self.image_token = str(self.tokenizer.convert_ids_to_tokens(self.image_id))
        # A text with one of these could pass for a turn or a picture.
        added = self.tokenizer.added_tokens_decoder.values()
        self.control = {each.content for each in added if each.special} | {self.image_token}

    def fingerprint(self) -> str:
        """Return what identifies this checkpoint: a hash of its files, number format and length limit."""
        paths = sorted(path for path in self.folder.iterdir() if path.is_file())
        hashes = files_sha256(paths)
        named = [[path.name, hashes[path]] for path in paths]
        text = json.dumps([named, str(self.model.dtype), self.max_tokens])
        return hashlib.sha256(text.encode()).hexdigest()

    def encode(self, conversation: AskedConversation) -> EncodedConversation:
        """Return tokens and patches of a conversation in the model's chat template.

        Raises:
            Unreadable: a text contains a control token, or the conversation is too long.
        """
        if held := next((c for c in self.control for t in conversation.texts if c in t), None):
            raise Unreadable(f"a text holds the control token {held}")
        text = cast("str", self.tokenizer.apply_chat_template(conversation.turns, tokenize=False))
        pieces = text.split(self.image_token)
        if len(pieces) - 1 != len(conversation.pictures):
            raise Unreadable(
                f"the chat template shows {len(pieces) - 1} of {len(conversation.pictures)} pictures"
            )
        patches_PC, grid_I3, counts = None, None, list[int]()
        if conversation.pictures:
            seen = self.pictures(conversation.pictures, return_tensors="pt")
            patches_PC, grid_I3 = seen["pixel_values"], seen["image_grid_thw"]
            counts = (grid_I3.prod(1) // self.pictures.merge_size**2).tolist()
        runs = [self.image_token * count for count in counts]
        whole = pieces[0] + "".join(run + piece for run, piece in zip(runs, pieces[1:]))
        ids = self.tokenizer(whole, add_special_tokens=False)["input_ids"]
        if len(ids) > self.max_tokens:
            raise Unreadable(f"{len(ids)} tokens; {self.max_tokens} are allowed")
        return EncodedConversation(ids, patches_PC, grid_I3)

    @torch.no_grad()
    def score(self, batch: list[EncodedConversation]) -> list[float]:
        """Return the score of each conversation, from one forward pass."""
        device = self.device
        length_B = torch.tensor([len(each.ids) for each in batch], device=device)
        longest = int(length_B.max())
        # Padding is on the right of a conversation, where causal attention does not see it.
        padded = [each.ids + [0] * (longest - len(each.ids)) for each in batch]
        mask_BT = (torch.arange(longest, device=device) < length_B[:, None]).long()
        ids_BT = torch.tensor(padded, device=device)
        seen: dict[str, Any] = {}
        if patches := [each.patches_PC for each in batch if each.patches_PC is not None]:
            grids = [each.grid_I3 for each in batch if each.grid_I3 is not None]
            seen["pixel_values"] = torch.cat(patches).to(device, self.model.dtype)
            seen["image_grid_thw"] = torch.cat(grids).to(device)
        self.model.rope_deltas = None  # values of an earlier batch would shift the positions
        hidden_BTW = self.model(
            input_ids=ids_BT,
            attention_mask=mask_BT,
            mm_token_type_ids=(ids_BT == self.image_id).int(),
            use_cache=False,
            **seen,
        ).last_hidden_state
        last_BW = hidden_BTW[torch.arange(len(batch), device=device), length_B - 1]
        return self.head(last_BW.float()).squeeze(1).tolist()


def _load_weights(folder: Path, dtype: torch.dtype) -> Qwen2_5_VLModel:
    """Load the model without its language head, which no score needs.

    The class with the head is loaded, because only that class reads both spellings of the weights' names.
    """
    loaded = Qwen2_5_VLForConditionalGeneration.from_pretrained(
        folder, dtype=dtype, use_safetensors=True, output_loading_info=True
    )
    model, info = cast("tuple[Any, dict[str, Any]]", loaded)
    wrong = {key: sorted(names) for key, names in info.items() if names and key != "error_msgs"}
    wrong["unexpected_keys"] = [n for n in info["unexpected_keys"] if not is_of_head(n)]
    wrong["missing_keys"] = [n for n in info["missing_keys"] if n != "lm_head.weight"]
    if any(wrong.values()) or info.get("error_msgs"):
        told = {key: names for key, names in wrong.items() if names}
        raise RuntimeError(
            f"{folder} does not hold this model's weights: {told or info['error_msgs']}"
        )
    return model.model.eval().requires_grad_(False)


def _load_tokenizer(folder: Path) -> PreTrainedTokenizerBase:
    tokenizer = AutoTokenizer.from_pretrained(folder)
    if not tokenizer.chat_template and (folder / "chat_template.json").exists():
        stored = read_json(folder / "chat_template.json", "chat_template", remedy=FETCH)
        tokenizer.chat_template = stored["chat_template"]
    if not tokenizer.chat_template:
        raise ValueError(f"{folder} has no chat template, in which conversations are scored")
    return tokenizer
