"""Tests graders with answers that deceive, and with correct answers in unusual notation, on any questions."""
