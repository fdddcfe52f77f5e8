"""The tiny model's tokenizer: byte-level BPE, trained on the tiny world's own text.

Words and punctuation include the space after them, and numbers are separate, so "17" is one token wherever
it is written.
"""

from tokenizers import Regex, Tokenizer, decoders, models, pre_tokenizers, trainers
from transformers import PreTrainedTokenizerFast

from r1v3.model.prompt_template import END_OF_THINK, THINK

IMAGE_CONTEXT = "<IMG_CONTEXT>"
SPECIAL = (
    "<|endoftext|>",
    "<|im_start|>",
    "<|im_end|>",
    "<img>",
    "</img>",
    IMAGE_CONTEXT,
    "<video>",
)
PIECES = Regex(r"\\?\p{L}+[ {]?|\p{N}+|[^\s\p{L}\p{N}] ?|\s+")


def train_tokenizer(texts: list[str], size: int, context: int) -> PreTrainedTokenizerFast:
    """Train on `texts`. The special tokens are InternVL's; `<think>` and `</think>` are ordinary tokens."""
    core = Tokenizer(models.BPE())
    core.pre_tokenizer = pre_tokenizers.Sequence(
        [
            pre_tokenizers.Split(PIECES, behavior="isolated"),
            pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False),
        ]
    )
    core.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=size,
        min_frequency=2,
        show_progress=False,
        special_tokens=list(SPECIAL),
        initial_alphabet=sorted(pre_tokenizers.ByteLevel.alphabet()),
    )
    core.train_from_iterator(sorted(texts), trainer)
    core.add_tokens([THINK, END_OF_THINK])
    return PreTrainedTokenizerFast(
        tokenizer_object=core,
        eos_token="<|im_end|>",
        pad_token="<|endoftext|>",
        model_max_length=context,
        clean_up_tokenization_spaces=False,
        extra_special_tokens={
            "start_image_token": "<img>",
            "end_image_token": "</img>",
            "context_image_token": IMAGE_CONTEXT,
            "video_token": "<video>",
        },
    )
