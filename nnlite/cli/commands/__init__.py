"""The commands, in groups: each module adds its own to the parser and runs them."""
