"""Divide an episode into the forward passes of each rank."""
