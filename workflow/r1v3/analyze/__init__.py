"""What the results say together: the summary, the report, and the copy in MLflow."""
