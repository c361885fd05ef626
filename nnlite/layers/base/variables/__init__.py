"""Variables of layers beside the weights that they declare."""
