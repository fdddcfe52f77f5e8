"""Models that no run of the table trains: downloaded at a revision, or trained here from scratch."""

from pathlib import Path
from typing import Any

from r1v3.data.records import read_records, render_question
from r1v3.model.load import build_model, load_model, load_processor
from r1v3.model.obtain import obtain_checkpoint
from r1v3.model.processor import build_processor
from r1v3.model.prompt_template import render_prompt, split_response
from r1v3.model.tokenizer import train_tokenizer
from r1v3.recipe.graph.configs import ModelConfig, ScratchSpec
from r1v3.recipe.schema.data import HubModel
from r1v3.recipe.schema.recipe import Template
from r1v3.train.core.template import recipe_template


def obtain_base_model(
    config: ModelConfig, *, data: dict[str, Path], start: Path | None, folder: Path
) -> dict[str, Any]:
    """Put a model's checkpoint under `folder/checkpoints`, and return the facts of a training run.

    Args:
        data: folders of the data sets that the model's entry names.
        start: the checkpoint that a tuned model starts from.
    """
    spec = config.spec
    if isinstance(spec, HubModel):
        return _obtain(spec, folder)
    from r1v3.train.sft.trainer import fit

    if isinstance(spec, ScratchSpec):
        sizes, template = spec.architecture, recipe_template(config)
        texts = [text for name in spec.tokenizer_data for text in _texts(data[name], template)]
        tokenizer = train_tokenizer(texts, sizes.vocabulary, sizes.context)
        side = sizes.image_size // sizes.patch_size
        processor = build_processor(
            tokenizer, image_size=sizes.image_size, tokens_per_tile=(side // 2) ** 2
        )
        model = build_model(sizes, tokenizer, seed=config.seed)
    else:
        if start is None:
            raise ValueError(f"{config.name}: a tuned model needs the checkpoint of its start")
        model, processor = load_model(start), load_processor(start)
    return fit(
        model,
        processor,
        spec.settings,
        config,
        data=data[spec.data],
        validation=None,
        folder=folder,
    )


def _obtain(spec: HubModel, folder: Path) -> dict[str, Any]:
    target = Path(folder) / "checkpoints" / "step-000000"
    obtain_checkpoint(spec.id, spec.revision, target)
    path = str(target.relative_to(folder))
    return {"steps": 0, "checkpoints": [{"step": 0, "path": path}], "last": path, "best": None}


def _texts(folder: Path, template: Template) -> list[str]:
    """Return every record of a data set as text: prompt and response."""
    texts: list[str] = []
    for record in read_records(folder):
        question = render_question(record.question, record.options, len(record.images))
        mode, response = split_response(record.response or record.answer)
        prompt = render_prompt(template, question, mode)
        texts.append(prompt.replace("<image>", "") + response)
    return texts
