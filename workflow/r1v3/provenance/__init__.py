"""What is kept: versions in DVC, lineage, and what nothing needs any more."""
