"""The pixels around a place, whatever is outside of the image."""

import numpy as np
import pytest

from nnlite.ops.interpolation import taps

LENGTH = 5


def reflected(index):
    """c b a | a b c | c b a, by walking."""
    line = [*range(LENGTH), *reversed(range(LENGTH))]
    return line[index % (2 * LENGTH)]


@pytest.mark.parametrize("farthest", [4, 9, 40])
def test_reflected_pixels_near_and_far(farthest):
    columns = np.arange(-farthest, farthest + 1, dtype=float)[None]
    pixels, weights = taps(np.zeros_like(columns), columns, (1, LENGTH), "reflect", "nearest")
    assert pixels[0, 0].tolist() == [reflected(int(column)) for column in columns[0]]
    assert (weights == 1).all()


def test_four_pixels_around_a_place():
    pixels, weights = taps(np.array([[1.25]]), np.array([[2.5]]), (4, LENGTH), "nearest", "bilinear")
    assert pixels[:, 0, 0].tolist() == [7, 8, 12, 13]
    assert weights[:, 0, 0].tolist() == [0.375, 0.375, 0.125, 0.125]
