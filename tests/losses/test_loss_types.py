"""The type that a loss computes in."""

import copy

import numpy as np
import pytest

from nnlite import losses, metrics
from nnlite.config import DTypePolicy
from nnlite.errors import ConfigError
from nnlite.losses import MeanSquaredError
from nnlite.losses.call import given_dtype


def test_the_type_of_a_loss_is_the_default_one_unless_given():
    assert (MeanSquaredError().dtype, MeanSquaredError(dtype="float64").dtype) == ("float32", "float64")
    loss = copy.deepcopy(MeanSquaredError())
    assert given_dtype(loss) is None and "dtype" not in loss.get_config()
    assert loss(np.zeros((2, 1)), np.ones((2, 1), np.float64)) == 1
    loss.dtype = "float64"
    assert given_dtype(loss) == "float64" and "dtype='float64'" in repr(loss)


@pytest.mark.parametrize("policy", ["mixed_float16", DTypePolicy("float16"), DTypePolicy("float16").get_config()])
def test_a_policy_as_the_type(policy):
    assert losses.MeanSquaredError(dtype=policy).dtype == metrics.Mean(dtype=policy).dtype == "float16"


def test_types_that_there_are_not():
    for make in (losses.MeanSquaredError, metrics.AUC, metrics.MeanIoU):
        with pytest.raises(ConfigError, match=rf"{make.__name__}.dtype: unknown policy 'nope'"):
            make(*((3,) if make is metrics.MeanIoU else ()), dtype="nope")
