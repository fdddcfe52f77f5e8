"""Finds duplicates within sets of questions, and twins in evaluations."""
