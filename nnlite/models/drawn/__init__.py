"""What a model that was drawn as a graph does with its drawing: data by name, first weights, its config."""
