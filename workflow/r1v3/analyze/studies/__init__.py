"""Studies: comparisons of runs, verdicts on claims, the ledger."""
