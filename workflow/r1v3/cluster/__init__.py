"""A cluster: what it is, what stages ask it for, how they start there, and whether it is ready."""
