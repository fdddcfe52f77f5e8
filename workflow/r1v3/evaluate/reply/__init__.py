"""Finds the answer in a reply, before the rules of `r1v3.reward` read it."""
