"""Dropout in compiled dense layers."""

import numpy as np
import pytest

pytest.importorskip("numba")

from nnlite.kernels.compiled.dense import _drop


def test_dropout_of_outputs_and_where_it_is_known_of_their_derivative():
    bits = np.array([0, 99, 100, 2**15, 2**16 - 1], np.uint16)  # the last two are negative as signed numbers
    array, factors = np.arange(1, 6, dtype="float32"), np.array([0, 0, 2, 2, 2], "float32")
    for derivative in (array[:0].copy(), -array):
        leaving, slopes = array.copy(), derivative.copy()
        kept = leaving if slopes.size else np.empty_like(leaving)
        _drop(leaving, slopes, kept, bits, 100, np.float32(2))
        np.testing.assert_array_equal(kept, array * factors)
        np.testing.assert_array_equal(slopes, derivative * factors[: slopes.size])
