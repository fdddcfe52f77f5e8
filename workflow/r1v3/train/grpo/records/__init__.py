"""The files that a GRPO run writes about its steps: metrics, speed, rollouts and their page."""
