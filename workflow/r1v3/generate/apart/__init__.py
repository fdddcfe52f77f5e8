"""The engine in a separate process, which answers while this process computes."""
