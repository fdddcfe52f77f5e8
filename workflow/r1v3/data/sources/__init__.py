"""Where questions come from: entries of `config/sources.yaml`, fetched, read and mapped to records."""
