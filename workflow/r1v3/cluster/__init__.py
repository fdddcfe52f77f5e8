"""Clusters: the resources that stages ask for, how stages start, and whether the machines are ready."""
