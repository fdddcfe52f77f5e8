"""What a recipe costs before it is run: memory, hours, disk and money of each stage."""
