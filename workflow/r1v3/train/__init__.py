"""Training: supervised fine-tuning, GRPO, and measurements of the policy."""
