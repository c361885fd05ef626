"""Uses of the drawing of a model that was drawn as a graph: data by name, first weights, its config."""
