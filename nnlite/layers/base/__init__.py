"""What all layers share: the contract, shapes, inputs, masks, and the recording of `call`."""
