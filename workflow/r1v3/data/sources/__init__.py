"""The sources of questions: entries of `config/sources.yaml`, fetched, read and mapped to records."""
