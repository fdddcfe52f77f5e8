"""The copy of all runs in MLflow."""
