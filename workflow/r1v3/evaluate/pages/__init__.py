"""Tables, figures and pages about scores."""
