"""Parts of the contract of a layer: building, arguments of constructors and calls, weights, terms of the loss."""
