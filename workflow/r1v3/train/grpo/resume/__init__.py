"""The files that let an unfinished GRPO run resume with bit-identical results."""
