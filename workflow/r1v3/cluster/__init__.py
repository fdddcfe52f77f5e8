"""Clusters: the resources that stages request, how stages start, and checks of the machines."""
