"""Plain helpers on arrays: windows, patches, contractions, sums of rows, functions in place."""
