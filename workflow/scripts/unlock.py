"""Before `make demo`: remove the lock that a killed Snakemake left in this folder, or say why it stays.

python workflow/scripts/unlock.py
"""

from pathlib import Path

from r1v3.base.told import run_main
from r1v3.recipe.locks import unlock_dead


def main() -> None:
    if said := unlock_dead(Path()):
        print(said)


if __name__ == "__main__":
    run_main(main)
