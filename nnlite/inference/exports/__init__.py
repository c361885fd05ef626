"""Models in formats that run without nnlite: one graph of operators, and what is made of it."""
