"""The type that a loss computes in."""

import copy

import numpy as np

from nnlite.losses import MeanSquaredError
from nnlite.losses.call import given_dtype


def test_the_type_of_a_loss_is_the_default_one_unless_given():
    assert (MeanSquaredError().dtype, MeanSquaredError(dtype="float64").dtype) == ("float32", "float64")
    loss = copy.deepcopy(MeanSquaredError())
    assert given_dtype(loss) is None and "dtype" not in loss.get_config()
    assert loss(np.zeros((2, 1)), np.ones((2, 1), np.float64)) == 1
    loss.dtype = "float64"
    assert given_dtype(loss) == "float64" and "dtype='float64'" in repr(loss)
