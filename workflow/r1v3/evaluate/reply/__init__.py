"""What of a reply is its answer, before the rules of `r1v3.reward` read it."""
