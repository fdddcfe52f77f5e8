"""Training: SFT, GRPO, and what is measured of a policy."""
