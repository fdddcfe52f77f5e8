"""Analysis of results: the summary, the report, the studies, and the copy of all runs in MLflow."""
