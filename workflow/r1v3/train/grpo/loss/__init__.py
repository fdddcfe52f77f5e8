"""The loss of GRPO: advantages (equation 6), the clipped surrogate (equation 7), and the gradient steps."""
