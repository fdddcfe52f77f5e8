"""What each result depends on, and the hash that names its folder."""
