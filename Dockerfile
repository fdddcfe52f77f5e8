# Debian with all that `make demo` and `make test` ask of a machine. The image has no GPU support: envs/gpu.def does.
#
#     docker build --tag r1v3 . && docker run --rm --interactive --tty r1v3
#
# runs the demo as a user without rights. To keep the results, mount a folder of yours that user 1000 may write:
# `--volume "$PWD/results:/home/r1v3/project/results"`. A CPU build of torch is 2 GB smaller than the default one:
# `--build-arg PIP_EXTRA_INDEX_URL=...` names an index that has it.

FROM debian:bookworm-slim AS tools
RUN apt-get update \
    && apt-get install --yes --no-install-recommends \
        ca-certificates git less make procps python3.11 python3.11-venv \
    && rm -rf /var/lib/apt/lists/*
# The project's folder belongs to the user: make writes .venv and results beside the sources.
RUN useradd --create-home --uid 1000 --shell /bin/bash r1v3 \
    && install --directory --owner r1v3 --group r1v3 /home/r1v3/project
ENV LANG=C.UTF-8
USER r1v3
WORKDIR /home/r1v3/project

FROM tools AS project
ARG PIP_INDEX_URL
ARG PIP_EXTRA_INDEX_URL
COPY --chown=r1v3:r1v3 . .
RUN make setup
CMD ["make", "demo"]
