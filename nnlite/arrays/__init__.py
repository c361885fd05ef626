"""Plain helpers on arrays: windows, patches, contractions and sums of rows."""
