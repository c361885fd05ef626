"""Matrix products in tiles: the numbers of the library, whatever remains beside whole tiles."""

import numpy as np
import pytest

numba = pytest.importorskip("numba")

from nnlite.kernels.compiled.parts import tiles  # noqa: E402


@numba.njit
def multiplied(left, right, out):
    tiles.dot(left, right, out)


@pytest.mark.parametrize("turned", ["neither", "left", "right"])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_products_in_tiles_are_those_of_numpy(turned, dtype):
    generator = np.random.default_rng(0)
    tolerance = 1e-12 if dtype == "float64" else 1e-5
    for rows, inner, columns in [(6, 1, 16), (7, 3, 17), (34, 65, 128), (129, 128, 34), (5, 8, 20), (9, 600, 31)]:
        left = generator.standard_normal((rows, inner)).astype(dtype)
        right = generator.standard_normal((inner, columns)).astype(dtype)
        out, expected = np.full((rows, columns), np.nan, dtype), left.astype("float64") @ right.astype("float64")
        if turned == "left":
            left = np.asfortranarray(left)
        if turned == "right":
            right = np.asfortranarray(right)
        multiplied(left, right, out)
        np.testing.assert_allclose(out, expected, rtol=0, atol=tolerance * np.abs(expected).max())
