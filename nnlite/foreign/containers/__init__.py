"""Other containers of Keras's models and weights: HDF5 files of earlier versions, folders, weights in shards."""
