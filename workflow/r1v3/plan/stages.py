"""Plans each stage of a recipe's core path: whether it fits, how long it takes, how much it writes."""

import math
from pathlib import Path

from r1v3.generate.vllm.buckets import BUCKET_BYTES
from r1v3.plan import memory
from r1v3.plan.costs import Costs, Device, Workload
from r1v3.plan.episode import simulate
from r1v3.plan.estimate import Estimate
from r1v3.plan.questions import questions_of_benchmark, questions_of_set
from r1v3.plan.servers import servers
from r1v3.plan.shapes import ModelShape, meta_model, model_shape
from r1v3.plan.speed import EngineSize, StepWork, decoding_time, draw_lengths, train_seconds
from r1v3.recipe.load import Project
from r1v3.recipe.schema.data import SampledSet
from r1v3.recipe.schema.layout import Machines, Stage
from r1v3.recipe.schema.training import Grpo, Sft, checkpoint_steps
from r1v3.recipe.site import Site
from r1v3.train.core.flops import FlopCount
from r1v3.train.grpo.sampling.prompts import KEPT_TILES

# Share of a GPU that the launcher gives vLLM, and number of samples that decode at once (vllm.start).
ENGINE_SHARE, ENGINE_ROWS = 0.9, 256
TIGHT = "weights leave no room for keys and values: raise layout's tensor_parallel"
# Bytes of a trained parameter, without its weight, in a saved state: AdamW's averages, and the 32-bit copy
# of a 16-bit weight.
STATE = {"float32": 8, "bfloat16": 8 + 4}


class RecipePlan:
    """Estimates what each stage of a recipe needs on a site.

    Args:
        nodes: number of nodes of every training stage; None for the layout's.
        apart: whether the engines of RL have their own GPUs.
    """

    def __init__(
        self,
        root: Path,
        project: Project,
        site: Site,
        costs: Costs,
        *,
        nodes: int | None = None,
        apart: bool = False,
    ):
        self.project, self.site, self.costs, self.root = project, site, costs, root
        self.recipe, self.nodes, self.apart = project.recipe, nodes, apart
        self.cpu = self.recipe.generation.engine == "transformers"
        self.device: Device = costs.devices["cpu" if self.cpu else "h100"]
        self.peak = self.device.peak
        self.load: Workload = costs.workloads["tiny" if self.cpu else "paper"]
        self.model = meta_model(self.recipe, "base", root)
        self.shape = model_shape(self.model)
        self.most = math.inf if self.cpu else 1e9 * site.gpus.memory_gb
        self.card = 0.0 if self.cpu else self.most
        self.prompt = self.load.question_tokens + self.load.tiles * self.shape.image_tokens

    def estimates(self) -> list[Estimate]:
        """Return the estimates of every stage of the core path, in order."""
        runs, recipe = self.project.runs, self.recipe
        found = [self._download(name) for name in ("base", "teacher")]
        found += [self._reject(name, entry) for name, entry in self.sampled().items()]
        found.append(self._sft("cold_start"))
        if not self.cpu:
            found.append(self._parity())
        found.append(self.grpo("rl"))
        kept = len(checkpoint_steps(runs["rl"].grpo))
        probes = self._questions(recipe.selection.probe) * recipe.selection.samples
        found.append(self._asking("probe", "rl", kept, probes, recipe.selection.max_new_tokens))
        found.append(self._sft("final"))
        section = recipe.evaluation
        sets = sum(self._questions(name) for name in section.held_out.values())
        one = section.runs * self._items(section.checkpoint_benchmark)
        every = section.runs * sum(self._items(name) for name in section.benchmarks)
        budget = section.max_new_tokens
        found.append(self._asking("evaluate", "held-out sets", 4, sets, budget))
        found.append(self._asking("evaluate", "checkpoints", kept, one, budget))
        found.append(self._asking("evaluate", "benchmarks", 1, every, budget))
        return found + servers(self, found)

    def _items(self, benchmark: str) -> int:
        return questions_of_benchmark(self.project, benchmark)

    def sampled(self) -> dict[str, SampledSet]:
        """Return the sampled sets that the core path trains on, or uses for early stopping."""
        names = []
        for name in ("cold_start", "rl", "final"):
            run = self.project.runs[name]
            names.append(run.data)
            if isinstance(run.settings, Sft) and run.settings.early_stopping:
                names.append(run.settings.early_stopping.validation)
        sets = {name: self.recipe.data[name] for name in names}
        return {name: entry for name, entry in sets.items() if isinstance(entry, SampledSet)}

    def _questions(self, name: str) -> int:
        return questions_of_set(self.project, name)

    def _machines(self, stage: Stage) -> Machines:
        asked: Machines = getattr(self.recipe.layout, stage)
        if self.nodes and stage in ("sft", "grpo"):
            return asked.model_copy(update={"nodes": self.nodes})
        return asked

    def _devices(self, stage: Stage) -> int:
        if self.cpu:
            return 2 if stage in ("model", "sft", "grpo") else 1
        asked = self._machines(stage)
        return asked.nodes * asked.gpus

    def _size(self, dtype: str) -> int:
        return 2 if dtype == "bfloat16" else 4

    def _download(self, name: str) -> Estimate:
        spec = self.recipe.models[name]
        if spec.source != "hub":
            return self._training("model", name, self.recipe.sft[spec.settings], spec.data)
        bytes_ = 2.0 * self._shape_of(name).all
        hours = bytes_ / 200e6 / 3600  # assumed: 200 MB a second
        return Estimate("model", name, 1, 0, hours, {}, self.most, bytes_)

    def _sft(self, run: str) -> Estimate:
        training = self.project.runs[run]
        return self._training("sft", run, training.sft, training.data)

    def _training(self, stage: Stage, name: str, settings: Sft, data: str) -> Estimate:
        parallel, devices = settings.parallel, self._devices(stage)
        size = self._samples(data)
        steps = math.ceil(settings.epochs * size / settings.batch_size)
        steps = min(steps, settings.max_steps or steps)
        limit = max(1, min(self.load.limit, settings.max_length - self.prompt))
        answers = draw_lengths(self.load, settings.batch_size, limit, seed=1)
        lengths = [self.prompt + answer for answer in answers]
        tokens = sum(lengths)
        longest = parallel.pass_tokens or math.ceil(tokens / devices)
        tiles = max(1, math.ceil(longest / (self.prompt + sum(answers) / len(answers))))
        seconds = train_seconds(
            FlopCount.of(self.model, settings.train, settings.adapted),
            self.shape,
            StepWork(
                lengths,
                responses=sum(answers),
                tiles=self.load.tiles * len(lengths),
                passes=math.ceil(tokens / devices / longest),
            ),
            devices=devices,
            device=self.device,
            peak=self.peak,
            recomputed=parallel.gradient_checkpointing,
        )
        parts = memory.training_parts(
            self.shape,
            memory.TrainingSetup.of(settings, devices),
            memory.LargestPass(longest, longest, tiles * self.load.tiles),
            self._training_device(),
        )
        held = memory.sample_bytes(self.shape, size, self.load.tiles * settings.loading.cached)
        parts |= {"samples": held} if self.cpu else {}
        weights = self._size(settings.dtype) * self.shape.all
        copies = 1 + bool(settings.early_stopping)
        return Estimate(
            stage,
            name,
            1,
            devices,
            (steps * seconds + self.load.start_seconds) / 3600,
            parts,
            self.most,
            copies * weights + self._states(settings),
            *self._host(stage, settings.dtype, 1, held),
            assumed=not self.device.measured,
            notes=(f"{steps} steps of {seconds:.3g} s",),
            step_seconds=seconds,
        )

    def _training_device(self) -> memory.TrainingDevice:
        return memory.TrainingDevice(self.device, self.costs.activations, self.card)

    def _states(self, settings: Sft | Grpo) -> float:
        """Return the bytes of the states that a run keeps for resuming."""
        trained = STATE[settings.dtype] * self.shape.trained(settings.train, settings.lora)
        return settings.resume.keep * (self._size(settings.dtype) * self.shape.all + trained)

    def _samples(self, data: str) -> int:
        """Count the samples of a set. A set that drops unsolved questions keeps 60 % of them (section 2)."""
        entry, questions = self.recipe.data[data], self._questions(data)
        if isinstance(entry, SampledSet) and entry.otherwise == "drop":
            return round(0.6 * questions)
        return questions

    def _host(
        self, stage: Stage, dtype: str, copies: int, held: float, readers: int | None = None
    ) -> tuple[float, float]:
        """Return a node's memory use while each of its processes has read the checkpoint, and its memory.

        Args:
            readers: number of processes that read the checkpoint; None for one on each GPU.
        """
        if self.cpu:
            return 0.0, math.inf
        gpus = self._machines(stage).gpus
        asked = self._machines(stage).memory_gb or gpus * self.site.gpus.node_memory_gb_each
        readers = readers or gpus
        weights = (readers + copies - 1) * self._size(dtype) * self.shape.all
        return weights + readers * held, 1e9 * asked

    def grpo(self, run: str) -> Estimate:
        """Estimate a GRPO run."""
        training = self.project.runs[run]
        settings, parallel, devices = training.grpo, training.grpo.parallel, self._devices("grpo")
        rollouts = simulate(self, settings, devices)
        limit = max(stage.tokens for stage in settings.lengths)
        longest = parallel.pass_tokens or math.ceil(rollouts.most_tokens / devices)
        groups = max(1, math.ceil(longest / (self.prompt + limit * settings.samples)))
        setup = memory.TrainingSetup.of(settings, devices)
        parts = memory.training_parts(
            self.shape,
            setup,
            memory.LargestPass(
                tokens=max(longest, self.prompt + limit),
                responses=longest,
                tiles=self.load.tiles * groups,
            ),
            self._training_device(),
        )
        prompts = self._samples(training.data)
        held = min(KEPT_TILES, memory.sample_bytes(self.shape, prompts, self.load.tiles))
        # The trained model samples. Its keys and values exist twice while their buffers grow.
        if self.cpu:
            rows = self.prompt + limit
            cache = rollouts.rows / devices * rows * 2 * memory.cache_token(self.shape)
            parts |= {"samples": held, "keys and values": 2 * cache}
        kept_beside = memory.parts_beside_engine(self.shape, parts, setup)
        copies = "copies of the start and of the step before"
        parts |= {copies: kept_beside[copies]}
        parts |= {} if self.cpu else {"engine asleep": memory.sleeping_engine(self.device)}
        weights = self._size(settings.dtype) * self.shape.all
        kept = len(checkpoint_steps(settings))
        machines = self._machines("grpo")
        engines = 1 if self.cpu else machines.gpus // (machines.tensor_parallel or machines.gpus)
        return Estimate(
            "grpo",
            run,
            1,
            devices,
            (rollouts.seconds + self.load.start_seconds) / 3600,
            parts,
            self.most,
            kept * weights + self._states(settings),
            *self._host("grpo", settings.dtype, 1 + engines, held),  # sleeping engines' weights
            assumed=not self.device.measured,
            notes=(f"{settings.steps} steps of {rollouts.seconds / settings.steps:.3g} s",),
            step_seconds=rollouts.seconds / settings.steps,
            rollouts=rollouts,
            advice=self._engine_memory_advice(kept_beside),
            sampling=self._at_once(kept_beside),
            answers=settings.steps * settings.prompts_per_step * settings.samples,
        )

    def _at_once(self, held: dict[str, float]) -> dict[str, float]:
        """Return what a GPU holds while vLLM samples beside the trainer; nothing if they share no GPU."""
        if self.cpu or self.apart:
            return {}
        on_the_way = 2 * max(BUCKET_BYTES, 2 * self.shape.largest)
        return {
            **{f"trainer's {name}": size for name, size in held.items()},
            "weights on their way": on_the_way,
            "vLLM": self.engine_share() * self.most,
        }

    def engine_share(self) -> float:
        """Return the share of a GPU that vLLM takes, beside the trainer or on its own GPUs."""
        share = self.recipe.layout.grpo.engine_memory
        return ENGINE_SHARE if self.apart or share is None else share

    def _engine_memory_advice(self, held: dict[str, float]) -> tuple[str, ...]:
        """Advise if vLLM's share of a GPU, with its context, does not fit beside the trainer.

        Args:
            held: what the trainer holds, by `memory.parts_beside_engine`.
        """
        if self.cpu:
            return ()
        # A bucket of weights that is sent to vLLM, and what is gathered to fill it.
        kept = sum(held.values()) + 2 * max(BUCKET_BYTES, 2 * self.shape.largest)
        room = (self.most - kept) / self.most
        if self.engine_share() <= room:
            return ()
        return (
            f"the trainer keeps {kept / 1e9:.0f} GB while vLLM samples: layout.grpo.engine_memory of at most"
            f" {max(0.0, room):.2f}, or more nodes",
        )

    def _parity(self) -> Estimate:
        """Estimate the parity check: vLLM answers, then the model, on all GPUs, checks the answers."""
        devices, load = self._devices("parity"), self.load
        gpus = self._machines("parity").tensor_parallel or devices
        engine = memory.engine_parts(
            self.shape,
            gpus=gpus,
            memory_gb=self.site.gpus.memory_gb,
            share=ENGINE_SHARE,
            device=self.device,
        )
        tight = (TIGHT,) if engine["keys and values"] < 2**30 else ()
        layers = 2 * self.shape.all / devices + 2 * self.shape.largest
        own = {"process": engine["process"], "weights": layers}
        parts = max(engine, own, key=lambda each: sum(each.values()))
        return Estimate(
            "parity",
            "gates",
            3,  # for cold_start, rl and final
            devices,
            2 * load.start_seconds / 3600,
            parts,
            self.most,
            0.0,
            *self._host("parity", "bfloat16", 1, 0.0, readers=1),
            assumed=not self.device.measured,
            notes=("both engines load once",),
            advice=tight,
        )

    def _reject(self, name: str, entry: SampledSet) -> Estimate:
        asked = self._questions(name) * entry.samples
        by = self.project.runs[entry.by].entry
        shape = self._shape_of(by.model) if by.stage == "model" else self.shape
        return self._asking("reject", name, 1, asked, entry.max_new_tokens, entry.samples, shape)

    def _shape_of(self, model: str) -> ModelShape:
        return model_shape(meta_model(self.recipe, model, self.root))

    def _asking(
        self,
        stage: Stage,
        name: str,
        jobs: int,
        answers: int,
        limit: int,
        samples: int = 1,
        shape: ModelShape | None = None,
    ) -> Estimate:
        """Estimate a stage that only generates: each job writes `answers` answers of up to `limit` tokens."""
        shape = shape or self.shape
        devices = self._devices(stage)
        gpus = 1 if self.cpu else (self._machines(stage).tensor_parallel or devices)
        # Only an evaluation divides a job's questions among processes.
        engines = devices // gpus if stage == "evaluate" else 1
        own = math.ceil(answers / engines)
        drawn = draw_lengths(self.load, min(own, 4096), limit, seed=2)
        parts = memory.engine_parts(
            shape,
            gpus=gpus,
            memory_gb=self.site.gpus.memory_gb,
            share=ENGINE_SHARE,
            device=self.device,
        )
        if self.cpu:
            parts = {"process": 2**30 * self.device.base_gib, "weights": 4.0 * shape.all}
        decoding = decoding_time(
            drawn,
            EngineSize(
                rows=ENGINE_ROWS,
                gpus=gpus,
                cache=gpus * parts.get("keys and values", 0.0),
                device=self.device,
                peak=self.peak,
            ),
            shape=shape,
            prompt=self.prompt,
            prompts=math.ceil(len(drawn) / samples),
        )
        seconds = decoding.seconds * own / len(drawn) + self.load.start_seconds
        return Estimate(
            stage,
            name,
            jobs,
            devices,
            seconds / 3600,
            parts,
            self.most,
            answers * jobs * 4.0 * self.load.answer_median,
            assumed=not self.device.measured,
            answers=answers,
            notes=(f"{answers:,} answers a job",),
            advice=(TIGHT,) if not self.cpu and parts["keys and values"] < 2**30 else (),
        )
