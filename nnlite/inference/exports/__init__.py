"""Models in formats that run without nnlite: a graph of operators, and the files made from it."""
