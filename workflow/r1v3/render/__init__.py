"""HTML pages, SVG figures, and tables of texts in four formats."""
