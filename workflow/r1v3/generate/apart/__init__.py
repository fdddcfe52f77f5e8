"""The engine in a process of its own, which answers while this process computes."""
