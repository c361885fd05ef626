"""Base of all layers: the contract, shapes, inputs, masks, and the recording of `call`."""
