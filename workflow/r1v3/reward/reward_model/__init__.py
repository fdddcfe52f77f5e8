"""Loads, batches and serves a reward model with the layout of Skywork-VL-Reward, and asks it for scores."""
