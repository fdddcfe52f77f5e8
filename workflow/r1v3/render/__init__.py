"""HTML pages and SVG figures."""
