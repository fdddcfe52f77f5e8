"""Layouts in which people keep checkpoints, and how one becomes the other without any code of theirs."""
