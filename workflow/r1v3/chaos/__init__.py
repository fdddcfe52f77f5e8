"""`r1v3 chaos`: damages a tiny run in every way we know, and checks that it ends in the same bytes."""
