"""Runs a stage in its result's folder, records the environment, and writes and checks manifests."""
