"""The language model that judges what rules cannot."""
