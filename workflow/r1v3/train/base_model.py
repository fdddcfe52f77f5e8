"""Models that no run of the table trains: taken from a hub at a revision, or made here from scratch."""

from pathlib import Path

from r1v3.data.records import read_records, render_question
from r1v3.model.load import build_model, load_model, load_processor
from r1v3.model.processor import build_processor
from r1v3.model.prompt_template import render_prompt, split_response
from r1v3.model.tokenizer import train_tokenizer
from r1v3.recipe.schema.data import Architecture
from r1v3.recipe.schema.recipe import Template


def obtain(document: dict, *, data: dict[str, Path], start: Path | None, folder: Path) -> dict:
    """Put a model's checkpoint under `folder/checkpoints`; the facts are those of a training run.

    Args:
        data: folders of the data sets that the entry names.
        start: the checkpoint a tuned model starts from.
    """
    spec = document["spec"]
    if spec["source"] == "hub":
        return _download(spec, folder)
    from r1v3.train.sft.trainer import fit

    if spec["source"] == "scratch":
        sizes = Architecture.model_validate(spec["architecture"])
        template = Template.model_validate(document["template"])
        texts = [text for name in spec["tokenizer_data"] for text in _texts(data[name], template)]
        tokenizer = train_tokenizer(texts, sizes.vocabulary, sizes.context)
        side = sizes.image_size // sizes.patch_size
        processor = build_processor(
            tokenizer, image_size=sizes.image_size, tokens_per_tile=(side // 2) ** 2
        )
        model = build_model(sizes, tokenizer, seed=document["seed"])
    else:
        model, processor = load_model(start), load_processor(start)
    return fit(
        model,
        processor,
        spec["settings"],
        document,
        data=data[spec["data"]],
        validation=None,
        folder=folder,
        name=document.get("name", "model"),
    )


def _download(spec: dict, folder: Path) -> dict:
    from huggingface_hub import snapshot_download

    target = Path(folder) / "checkpoints" / "step-000000"
    snapshot_download(
        spec["id"],
        revision=spec["revision"],
        local_dir=target,
        allow_patterns=["*.safetensors", "*.json", "*.txt", "*.jinja"],
    )
    path = str(target.relative_to(folder))
    return {"steps": 0, "checkpoints": [{"step": 0, "path": path}], "last": path, "best": None}


def _texts(folder: Path, template: Template) -> list[str]:
    texts = []
    for record in read_records(folder):
        question = render_question(record.question, record.options, len(record.images))
        mode, response = split_response(record.response or record.answer)
        texts.append(render_prompt(template, question, mode).replace("<image>", "") + response)
    return texts
