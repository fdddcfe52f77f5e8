"""Supervised fine-tuning."""

from r1v3.model import lean_transformers as lean_transformers  # before transformers' first import
