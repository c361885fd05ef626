"""Objects that users may pass in place of plain values: YAML, whole configs, functions as losses."""
