"""Files that hold tables: how each is written, found from its content, and how it is read."""
