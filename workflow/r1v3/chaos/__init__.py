"""`r1v3 chaos`: a tiny run is hurt in every way we know, and must end in the same bytes."""
