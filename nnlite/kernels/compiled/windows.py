"""The largest number of each window of images with channels last, mixtures of pixels, and the ways back: one pass."""

import numpy as np

from nnlite.arrays.types import Array
from nnlite.arrays.windows import Windows
from nnlite.kernels.compiled.recurrent import compiled, inlined, readable
from nnlite.kernels.reference import windows as reference

__all__ = ["largest_of_windows", "mix_pixels", "spread_largest", "spread_pixels"]


@inlined
def _raise_to(values, largest):
    """Raise the largest values to these; NaN counts as larger, and stays.

    Two choices in a row: one between three is not vectorized.
    """
    for c in range(values.size):
        larger = values[c] if values[c] > largest[c] else largest[c]
        largest[c] = larger if values[c] == values[c] else values[c]


@inlined
def _choose(values, number, largest, chosen):
    for c in range(values.size):
        chosen[c] = number if values[c] == largest[c] else chosen[c]


@compiled
def _largest(images, size, strides, dilation, before, largest, chosen):
    count, places = size[0] * size[1], np.zeros((size[0] * size[1], 2), np.int64)
    numbers = np.empty(count, np.uint8)
    for n in range(len(images)):
        for row in range(largest.shape[1]):
            for column in range(largest.shape[2]):
                inside = 0
                for cell in range(count):
                    y = row * strides[0] + cell // size[1] * dilation[0] - before[0]
                    x = column * strides[1] + cell % size[1] * dilation[1] - before[1]
                    if 0 <= y < images.shape[1] and 0 <= x < images.shape[2]:
                        places[inside, 0], places[inside, 1], numbers[inside] = y, x, cell
                        inside += 1
                most, cells = largest[n, row, column], chosen[n, row, column]
                most[:], cells[:] = images[n, places[0, 0], places[0, 1]], numbers[inside - 1]
                for i in range(1, inside):
                    _raise_to(images[n, places[i, 0], places[i, 1]], most)
                for i in range(inside - 2, -1, -1):
                    _choose(images[n, places[i, 0], places[i, 1]], numbers[i], most, cells)


@inlined
def _choose_of_four(one, two, three, four, most, cells):
    """Largest of four rows, number by number; NaN counts as larger, and as the last."""
    for c in range(most.size):
        a, b, d, e = one[c], two[c], three[c], four[c]
        above = b if b > a else a
        above = b if b != b else above
        below = e if e > d else d
        below = e if e != e else below
        below = d if d != d else below
        largest = below if below > above else above
        largest = below if below != below else largest
        largest = above if above != above else largest
        number = np.uint8(2) if d == largest else np.uint8(3)
        number = np.uint8(1) if b == largest else number
        most[c], cells[c] = largest, np.uint8(0) if a == largest else number


@compiled
def _largest_of_squares(images, largest, chosen):
    """As `_largest`, of squares of 2 x 2 side by side."""
    for n in range(len(images)):
        for row in range(largest.shape[1]):
            upper, lower = images[n, 2 * row], images[n, 2 * row + 1]
            for column in range(largest.shape[2]):
                left, right = 2 * column, 2 * column + 1
                most, cells = largest[n, row, column], chosen[n, row, column]
                _choose_of_four(upper[left], upper[right], lower[left], lower[right], most, cells)


@inlined
def _add_chosen(cotangent, chosen, number, out):
    zero = cotangent.dtype.type(0)
    for c in range(out.size):
        out[c] += cotangent[c] if chosen[c] == number else zero


@inlined
def _put_chosen(cotangent, chosen, number, out):
    zero = cotangent.dtype.type(0)
    for c in range(out.size):
        out[c] = cotangent[c] if chosen[c] == number else zero


@compiled
def _spread(cotangent, chosen, size, strides, dilation, before, disjoint, result):
    for n in range(len(result)):
        for row in range(cotangent.shape[1]):
            for column in range(cotangent.shape[2]):
                for cell in range(size[0] * size[1]):
                    y = row * strides[0] + cell // size[1] * dilation[0] - before[0]
                    x = column * strides[1] + cell % size[1] * dilation[1] - before[1]
                    if not (0 <= y < result.shape[1] and 0 <= x < result.shape[2]):
                        continue
                    slopes, cells, out = cotangent[n, row, column], chosen[n, row, column], result[n, y, x]
                    if disjoint:
                        _put_chosen(slopes, cells, np.uint8(cell), out)
                    else:
                        _add_chosen(slopes, cells, np.uint8(cell), out)


@compiled
def _mix(images, pixels, weights, outputs):
    for n in range(len(images)):
        for output in range(outputs.shape[1]):
            for tap in range(len(pixels)):
                pixel, weight = pixels[tap, n, output], weights[tap, n, output]
                for c in range(images.shape[2]):
                    outputs[n, output, c] += images[n, pixel, c] * weight


@compiled
def _spread_mixtures(cotangent, pixels, weights, result):
    for n in range(len(result)):
        for output in range(cotangent.shape[1]):
            for tap in range(len(pixels)):
                pixel, weight = pixels[tap, n, output], weights[tap, n, output]
                for c in range(result.shape[2]):
                    result[n, pixel, c] += cotangent[n, output, c] * weight


def largest_of_windows(inputs: np.ndarray, windows: Windows, trailing: int) -> tuple[np.ndarray, np.ndarray]:
    if not _takes(inputs, windows, trailing):
        return reference.largest_of_windows(inputs, windows, trailing)
    shape = (len(inputs), *windows.outputs, inputs.shape[-1])
    largest, chosen = np.empty(shape, inputs.dtype), np.empty(shape, np.uint8)
    if windows.size == windows.strides == (2, 2) and not windows.padded and windows.dilation == (1, 1):
        _largest_of_squares(inputs, largest, chosen)
    else:
        _largest(as_images(inputs), *axis_numbers(windows), as_images(largest), as_images(chosen))
    return largest, chosen


def spread_largest(
    cotangent: np.ndarray, chosen: np.ndarray, windows: Windows, trailing: int, shape: tuple[int, ...]
) -> np.ndarray:
    fits = cotangent.ndim == chosen.ndim and chosen.dtype == np.uint8 and chosen.flags.c_contiguous
    if not (fits and _takes(cotangent, windows, trailing)):
        return reference.spread_largest(cotangent, chosen, windows, trailing, shape)
    result = np.empty(shape, cotangent.dtype) if windows.tiling else np.zeros(shape, cotangent.dtype)
    _spread(as_images(cotangent), as_images(chosen), *axis_numbers(windows), windows.disjoint, as_images(result))
    return result


def mix_pixels(images: Array, pixels: np.ndarray, weights: np.ndarray) -> np.ndarray:
    if not _mixes(images, weights):
        return reference.mix_pixels(images, pixels, weights)
    outputs = np.zeros((*pixels.shape[1:], images.shape[-1]), images.dtype)
    _mix(images, pixels, weights, outputs)
    return outputs


def spread_pixels(cotangent: Array, pixels: np.ndarray, weights: np.ndarray, count: int) -> np.ndarray:
    if not _mixes(cotangent, weights):
        return reference.spread_pixels(cotangent, pixels, weights, count)
    result = np.zeros((len(cotangent), count, cotangent.shape[-1]), cotangent.dtype)
    _spread_mixtures(cotangent, pixels, weights, result)
    return result


def _mixes(images, weights):
    """Whether these are images in order, without seeds, and weights of their type."""
    return images.ndim == 3 and readable(images) and weights.dtype == images.dtype


def _takes(images, windows, trailing):
    """Whether these are real images of one or two axes with channels last, and windows of few cells."""
    axes = len(windows.size)
    few = np.prod(windows.size, dtype=object) <= 256
    return readable(images) and few and images.size and trailing == 1 and axes <= 2 and images.ndim == axes + 2


def as_images(array: np.ndarray, rank: int = 4) -> np.ndarray:
    """`(batch, rows, columns, channels)`, or of another rank; a single axis counts as columns."""
    return array if array.ndim == rank else array[:, None]


def axis_numbers(windows: Windows) -> list[tuple[int, ...]]:
    """Sizes, strides, dilation and the padding in front, along rows and columns."""
    missing = 2 - len(windows.size)
    arrays = windows.size, windows.strides, windows.dilation, windows.before
    return [(fill,) * missing + array for array, fill in zip(arrays, (1, 1, 1, 0), strict=True)]
