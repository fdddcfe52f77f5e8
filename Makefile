# The two commands of a newcomer are `make demo` and `make test`; both set up .venv first.
export PATH := $(CURDIR)/.venv/bin:$(PATH)
# Tests start many processes, which take twice as long where no compiled module is kept.
unexport PYTHONDONTWRITEBYTECODE

.PHONY: help setup demo test test-fast test-slow test-vllm test-slurm plan preflight open rehearsal lint format dry studies claims compare evaluate snapshot trace crate prune ui grading-report conformance chaos site published clean

help: ## this list
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):[^#]*## */  make \1\t/' | expand -t 24

setup: ## .venv with the pinned dependencies
	@workflow/setup.sh

demo: setup ## every stage of the tiny recipe, then where the report is
	@workflow/demo.sh

test: setup ## every part, in some ten minutes on two cores; `make test-slow` runs the rest
	@python -m pytest -q -n 2 --dist loadfile --no-loadscope-reorder -m "not slow and not integration"

test-slow: setup ## what takes long: whole pipelines, killed processes, DVC, services, pages in a browser
	@python -m pytest -q -n 2 --dist loadfile --no-loadscope-reorder -m "slow or integration"

test-fast: setup ## settings, identity, grading and pages: what most changes touch, in a minute or two
	@python -m pytest -q -n 2 --dist loadfile --no-loadscope-reorder -m "not slow and not integration" \
		$(addprefix tests/unit/,base recipe render reward)

test-vllm: ## vLLM without a GPU, in an environment of its own (2 GB, .venv-vllm)
	@workflow/setup_vllm.sh
	@.venv-vllm/bin/python -m pytest -q tests/vllm
	@VLLM_LOGGING_LEVEL=ERROR PYTHONPATH=workflow:tests/unit:tests/vllm .venv-vllm/bin/python tests/vllm/shared_prefill.py

test-slurm: setup ## the user's command on a real Slurm of simulated nodes, faults included (root or sudo, Debian)
	@tests/slurm/install.sh
	@R1V3_TEST_SLURM=1 python -m pytest -q tests/slurm $(PYTEST)

plan: setup ## what a recipe costs before it is run: RECIPE=paper NODES= PRICE=, or what its studies can settle: STUDIES=1 SEEDS=
	@r1v3 plan --recipe $(or $(RECIPE),paper) $(if $(STUDIES),--studies --seeds $(or $(SEEDS),1)) $(if $(NODES),--nodes $(NODES)) $(if $(PRICE),--price $(PRICE))

open: setup ## public data to your own model: checks, plan, then everything; RECIPE=open-1b
	@r1v3 start --recipe $(or $(RECIPE),open-1b)

rehearsal: setup ## open-1b whole on a processor, from a hub on loopback, with a tiny model; RECIPE=open-1b ENGINE=vllm SLURM=1
	@python tests/rehearsal/rehearse.py --recipe $(or $(RECIPE),open-1b) $(if $(ENGINE),--engine $(ENGINE)) $(if $(SLURM),--slurm)

preflight: setup ## are the machines ready? By Slurm where there is one; RECIPE=paper
	@r1v3 preflight --recipe $(or $(RECIPE),paper)

lint: setup ## ruff, snakefmt, snakemake --lint, the floors, types
	@ruff check . && ruff format --check --quiet . && snakefmt --check --compact-diff . && snakemake --lint && lint-imports && basedpyright

format: setup ## what lint asks for
	@ruff check --fix --quiet . ; ruff format --quiet . && snakefmt .

dry: setup ## plan every run: of tiny here, and of paper on Slurm
	@snakemake -n dry && snakemake --profile slurm -n dry

studies: setup ## every ablation and analysis, then the report again; SEEDS=3 runs three seeds of each branch
	@snakemake --cores all --config seeds=$(or $(SEEDS),1) -- studies
	@snakemake --cores all --config seeds=$(or $(SEEDS),1)
	@echo "results/summary.html, results/claims.html, results/studies/ and results/report.html"

claims: setup ## the report's claims alone: the studies that they name, the verdicts, the summary; SEEDS=3
	@snakemake --cores all --config seeds=$(or $(SEEDS),1) -- results/summary.html
	@snakemake --cores all --config seeds=$(or $(SEEDS),1)
	@echo "results/summary.html, results/claims.html and results/report.html"

compare: setup ## what differs between two runs: A=rl B=rl_frozen_connector
	@r1v3 compare $(A) $(B)

snapshot: setup ## record finished results in DVC and git's index; `dvc push` then shares them
	@r1v3 snapshot $(if $(RECIPE),--recipe $(RECIPE))

trace: setup ## where WHAT comes from and what was made from it: a run, data set, sample or score
	@r1v3 trace $(WHAT)

crate: setup ## the finished recipe as an RO-Crate in the folder OUT
	@r1v3 crate $(OUT) $(if $(RECIPE),--recipe $(RECIPE))

prune: setup ## disk use by run, and what no table entry reaches; REMOVE=1 removes that
	@r1v3 prune $(if $(REMOVE),--remove)

ui: setup ## MLflow in the browser, with links to its charts; finished runs that it lacks are added first
	@r1v3 ui

grading-report: setup ## how often the grader agrees with people
	@python perf/grading.py

conformance: setup ## published answers to real questions through the whole evaluation, pictures included
	@python tests/conformance/run.py

evaluate: setup ## score MODEL=run, folder, id, address or baseline; RECIPE=paper BENCHMARKS="mmmu_val ..." MODE= NAME=
	@r1v3 evaluate $(MODEL) $(BENCHMARKS) $(if $(RECIPE),--recipe $(RECIPE)) $(if $(MODE),--mode $(MODE)) $(if $(NAME),--name $(NAME))

chaos: setup ## hurt tiny runs at random moments, and say what survived: SEED= MINUTES= (0: each fault once)
	@r1v3 chaos --seed $(or $(SEED),0) --minutes $(or $(MINUTES),0)

site: setup ## the docs as a website in site/, readable without a network
	@python -m pip install --quiet --no-compile --requirement envs/docs.lock.txt
	@mkdocs build --strict --quiet
	@echo site/index.html

published: setup ## the pages of finished results into docs/published/, which git has and `make site` shows
	@python docs/site_results.py

clean: ## what can be deleted, and by which command; deletes nothing
	@echo "results and MLflow: rm -r results/* mlflow.db     Snakemake's notes: rm -r .snakemake     set-up: rm -r .venv .venv-vllm"
