"""How an episode becomes forward passes of each rank."""
