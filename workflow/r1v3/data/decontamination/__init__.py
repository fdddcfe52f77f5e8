"""Questions that are alike: duplicates within sets, and twins in evaluations."""
