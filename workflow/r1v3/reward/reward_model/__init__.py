"""A reward model in the layout of Skywork-VL-Reward: loaded, batched, served, and asked for numbers."""
