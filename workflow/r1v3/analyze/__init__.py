"""Analysis of all results: the summary, the report, the studies, and the copy in MLflow."""
