"""How good default models are on real tables: nnlite beside what its users would take instead."""
