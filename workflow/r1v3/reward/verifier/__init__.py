"""The language model that judges answers that rules cannot judge."""
