"""Sampling of GRPO: prompts, the engine that answers, rollouts and their rewards (equations 1 to 3)."""
