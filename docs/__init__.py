"""The site: its pages, and the programs that make it."""
