"""Models drawn as graphs: data by name, initial weights, configs."""
