"""The folder of a result: run a stage in it, note the environment, vouch for the files."""
