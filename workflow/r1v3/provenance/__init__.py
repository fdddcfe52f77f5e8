"""The origin of results: versions in DVC, lineage, RO-Crates, and folders that nothing needs any more."""
