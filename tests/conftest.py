"""What tests share. That this file is here puts `tests/` on the path: `from numeric import complex_step`."""
