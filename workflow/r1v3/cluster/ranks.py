"""Runs torchrun without its own traceback, because a rank's own error message is already on the screen.

python -m r1v3.cluster.ranks --nproc-per-node=2 --standalone workflow/scripts/sft.py --config ...
"""

import sys


def main() -> None:
    """Run torchrun. If a rank fails, exit with its code and name the rank."""
    from torch.distributed.elastic.multiprocessing.api import SignalException
    from torch.distributed.elastic.multiprocessing.errors import ChildFailedError
    from torch.distributed.run import main as torchrun

    try:
        torchrun()
    except ChildFailedError as error:
        rank, failure = error.get_first_failure()
        how = f"signal {-failure.exitcode}" if failure.exitcode < 0 else f"code {failure.exitcode}"
        sys.exit(f"rank {rank} ended first, with {how}; what it said stands above")
    except SignalException as error:
        sys.exit(f"signal {error.sigval.name} ended the ranks; the same command goes on from there")


if __name__ == "__main__":
    main()
