"""HTML pages, SVG figures, and tables of text in four formats."""
