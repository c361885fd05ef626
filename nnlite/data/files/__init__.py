"""Files that hold tables: detection of their format from the content, and reading."""
