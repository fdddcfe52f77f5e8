"""The probe of checkpoints, and the choice of one by its results."""

from r1v3.model import lean_transformers as lean_transformers  # before transformers' first import
