"""`python -m r1v3` is `r1v3`, for programs that know their interpreter and not their PATH."""

from r1v3.cli import main

if __name__ == "__main__":
    main()
