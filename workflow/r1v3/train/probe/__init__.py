"""The probe set, and the choice of a checkpoint by it."""

from r1v3.model import lean_transformers as lean_transformers  # before transformers' first import
