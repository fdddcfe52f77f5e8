"""Functions that all floors use: atomic writes, downloads, progress, image errors, memory."""
