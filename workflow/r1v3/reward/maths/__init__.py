"""Reads, evaluates and compares numbers, units, expressions and relations."""
