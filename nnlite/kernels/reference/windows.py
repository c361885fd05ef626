"""Convolution, the largest number of each window, mixtures of pixels, and the ways back, in NumPy.

In what pools, the spatial axes come before the last `trailing` axes.
"""

import numpy as np

from nnlite.arrays.patches import convolve, kernel_gradient, spread
from nnlite.arrays.types import Array
from nnlite.arrays.windows import Windows, cells

__all__ = [
    "convolve",
    "kernel_gradient",
    "largest_of_windows",
    "mix_pixels",
    "spread",
    "spread_largest",
    "spread_pixels",
]


BLOCK = 2**19  # numbers in the cells of a block of windows, which are worked on while in the cache


def largest_of_windows(inputs: np.ndarray, windows: Windows, trailing: int) -> tuple[np.ndarray, np.ndarray]:
    """The largest element of each window, the first one in case of ties, and the number of its cell.

    Shape: inputs `(batch, ...)`.
    """
    places = places_of(windows, trailing)
    shape = list(inputs.shape)
    shape[-trailing - len(windows.size) : len(shape) - trailing] = windows.outputs
    largest = np.full(shape, -np.inf, inputs.dtype) if windows.padded else np.empty(shape, inputs.dtype)
    chosen = np.zeros(shape, np.min_scalar_type(len(places) - 1))
    step = max(1, BLOCK * len(largest) // max(1, len(places) * largest.size))
    for start in range(0, len(largest), step):
        images = slice(start, start + step)
        _choose(inputs[images], places, largest[images], chosen[images], windows.padded)
    return largest, chosen


def _choose(inputs, places, largest, chosen, padded):
    """Write the results of `largest_of_windows` for a block of images."""
    cells = [(taken, np.ascontiguousarray(inputs[source])) for taken, source in places]  # each is read twice
    if not padded:
        np.copyto(largest, cells[0][1])
    for taken, cell in cells if padded else cells[1:]:
        np.maximum(largest[taken], cell, out=largest[taken])
    # The chosen cell's number is the count of those before it, which all differ from the largest.
    searching = np.ones(largest.shape, bool)
    for taken, cell in cells[:-1]:
        searching[taken] &= cell != largest[taken]
        chosen += searching.view(np.uint8)


def spread_largest(
    cotangent: Array, chosen: np.ndarray, windows: Windows, trailing: int, shape: tuple[int, ...]
) -> np.ndarray:
    """`cotangent` at the chosen cells and 0 elsewhere, summed where windows overlap.

    Args:
        cotangent: `(*seeds, *outputs)`.
        shape: of the inputs.
    """
    make = np.empty if windows.tiling else np.zeros  # with tiles every element is written to
    result = make(cotangent.shape[: cotangent.ndim - chosen.ndim] + shape, cotangent.dtype)
    for number, (taken, source) in enumerate(places_of(windows, trailing)):
        here = chosen[taken] == number
        if windows.disjoint:
            np.multiply(cotangent[taken], here, out=result[source])
        else:
            result[source] += cotangent[taken] * here
    return result


def mix_pixels(images: Array, pixels: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """outputs[n, o] = sum over taps t of images[n, pixels[t, n, o]] * weights[t, n, o].

    Shape: images `(*seeds, batch, pixels, channels)`, pixels and weights `(taps, batch, outputs)` ->
    `(*seeds, batch, outputs, channels)`.
    """
    *seeds, batch, count, channels = images.shape
    rows = images.reshape(*seeds, batch * count, channels)
    starts = np.arange(batch)[:, None] * count
    total = rows.take(starts + pixels[0], axis=-2) * weights[0][..., None]
    for places, shares in zip(pixels[1:], weights[1:], strict=True):
        part = rows.take(starts + places, axis=-2)
        total += np.multiply(part, shares[..., None], out=part if part.dtype == total.dtype else None)
    return total


def spread_pixels(cotangent: Array, pixels: np.ndarray, weights: np.ndarray, count: int) -> np.ndarray:
    """The transpose of `mix_pixels`: each product is added to the pixel, of `count`, that it came from."""
    result = np.zeros((*cotangent.shape[:-2], count, cotangent.shape[-1]), cotangent.dtype)
    examples = np.arange(cotangent.shape[-3])[:, None]
    for places, shares in zip(pixels, weights, strict=True):
        np.add.at(result, (..., examples, places, slice(None)), cotangent * shares[..., None])
    return result


def places_of(windows: Windows, trailing: int) -> list[tuple]:
    """For each cell of a window, the slices of the outputs that have it, and of their inputs."""
    rest = (slice(None),) * trailing
    return [((..., *taken, *rest), (..., *source, *rest)) for taken, source in cells(windows)]
