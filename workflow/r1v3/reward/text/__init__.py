"""From a response to the text of its answer."""
