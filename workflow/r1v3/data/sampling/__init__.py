"""Questions answered by a model, filtered, and kept where they are right."""
