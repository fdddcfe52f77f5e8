"""Code that supervised training and reinforcement learning share."""
