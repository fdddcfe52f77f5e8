"""Studies: comparisons of runs, verdicts on claims, and the ledger of all claims."""
