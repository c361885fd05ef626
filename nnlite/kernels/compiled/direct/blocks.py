"""Convolution of a block of images, and the gradient of its kernel, as products that read images in place.

Images are `(images, lines, columns, channels)`, with whatever columns of padding the windows reach; lines of padding
are left out of the sums instead. Filters are padded to whole vectors, group by group.
"""

from nnlite.kernels.compiled.direct.products import BYTES, LANES, address, multiply, multiply_each
from nnlite.kernels.compiled.recurrent import compiled, inlined

__all__ = ["convolve_block", "convolve_each", "gradient_block", "gradient_of_each", "whole_vectors"]

LONGEST_SUM = 2**10  # about as many products are added up before they go to a total: longer sums lose digits


def whole_vectors(numbers: int) -> int:
    """The smallest multiple of the vector length that is at least `numbers`."""
    return -(-numbers // LANES) * LANES


@inlined
def _lines_inside(start, step, count, length):
    """From which to which of `count` lines at `start`, `start + step` ... lie in `range(length)`."""
    first = max(0, (step - 1 - start) // step)
    return first, max(first, min(count, (length - start + step - 1) // step))


@compiled
def convolve_block(images, kernel, outputs, size, strides, dilation, before):
    """Write the convolution of images into outputs.

    Args:
        images: `(images, lines, columns, groups * channels)`.
        kernel: `(groups, cells, channels, filters)`.
        outputs: `(images, lines, columns, groups, filters)`.
        before: lines of padding above the images.
    """
    lines, groups, channels, filters = outputs.shape[1], len(kernel), kernel.shape[2], kernel.shape[3]
    pixel, to_cell = images.shape[3] * BYTES, images.shape[3] * BYTES * dilation[1]
    row, of_cell = filters * BYTES, channels * filters * BYTES
    merged = groups == 1 and dilation[1] == 1
    counts = (1, size[1] * channels) if merged else (size[1], channels)
    for group in range(groups):
        for column in range(0, filters, 2 * LANES):
            vectors = min(2, (filters - column) // LANES)
            for n in range(len(images)):
                for line in range(lines):
                    start = line * strides[0] - before
                    first, last = _lines_inside(start, dilation[0], size[0], images.shape[1])
                    source = min(max(start + first * dilation[0], 0), images.shape[1] - 1)
                    steps = (
                        (last - first, counts[0], counts[1]),
                        (dilation[0] * images.shape[2] * pixel, to_cell, BYTES),
                        (size[1] * of_cell, of_cell, row),
                    )
                    left = address(images[n, source]) + group * channels * BYTES
                    right = address(kernel[group]) + min(first, size[0] - 1) * size[1] * of_cell + column * BYTES
                    out = address(outputs[n, line, 0, group]) + column * BYTES
                    step = groups * filters * BYTES
                    multiply(left, strides[1] * pixel, outputs.shape[2], right, out, step, vectors, steps, 0)


@compiled
def gradient_block(images, slopes, total, size, strides, dilation, before):
    """Add to the kernel's gradient, total, what these images contribute.

    Args:
        images, before: as above.
        slopes: the cotangent, as outputs above.
        total: as the kernel above.
    """
    columns, groups, channels, filters = slopes.shape[2], len(total), total.shape[2], total.shape[3]
    pixel, slope = images.shape[3] * BYTES, groups * filters * BYTES
    merged = groups == 1 and dilation[1] == 1
    cells, rows = (1, size[1] * channels) if merged else (size[1], channels)
    at_once = max(1, LONGEST_SUM // columns)
    for n in range(len(images)):
        for group in range(groups):
            for dy in range(size[0]):
                start = dy * dilation[0] - before
                first, end = _lines_inside(start, strides[0], slopes.shape[1], images.shape[1])
                for line in range(first, end, at_once):
                    steps = (
                        (1, min(at_once, end - line), columns),
                        (0, strides[0] * images.shape[2] * pixel, strides[1] * pixel),
                        (0, columns * slope, slope),
                    )
                    for dx in range(cells):
                        left = address(images[n, start + line * strides[0], dx * dilation[1]])
                        left += group * channels * BYTES
                        for column in range(0, filters, 2 * LANES):
                            vectors = min(2, (filters - column) // LANES)
                            right = address(slopes[n, line, 0, group]) + column * BYTES
                            out = address(total[group, dy * size[1] + dx]) + column * BYTES
                            multiply(left, BYTES, rows, right, out, filters * BYTES, vectors, steps, 1)


@inlined
def _numbers(run):
    return run[0], run[1], run[2], run[3], run[4], run[5], run[6], run[7], run[8]


@compiled
def convolve_each(images, kernel, outputs, lines, columns):
    """As `convolve_block`, for each channel separately, or its transpose.

    Args:
        kernel: `(lines of cells, cells of a line, channels)`.
        outputs: `(images, lines, columns, channels)`.
        lines, columns: the runs along either axis, of `runs_over` or `runs_back`.
    """
    pixel = kernel.shape[2] * BYTES
    line_of_cells, line, line_of_results = kernel.shape[1] * pixel, images.shape[2] * pixel, outputs.shape[2] * pixel
    for n in range(len(images)):
        for i in range(len(lines)):
            y, y_step, count, source, source_step, dy, cells_down, cell_step, jump = _numbers(lines[i])
            for k in range(count):
                left, out = address(images[n]) + (source + k * source_step) * line, address(outputs[n])
                out += (y + k * y_step) * line_of_results
                for j in range(len(columns)):
                    x, x_step, rows, start, pixels, dx, cells, step, jump_along = _numbers(columns[j])
                    steps = (
                        (cells_down, cells, 1),
                        (jump * line, jump_along * pixel, 0),
                        (cell_step * line_of_cells, step * pixel, 0),
                    )
                    right = address(kernel) + dy * line_of_cells + dx * pixel
                    for column in range(0, kernel.shape[2], 2 * LANES):
                        vectors, ahead = min(2, (kernel.shape[2] - column) // LANES), column * BYTES
                        a, c = left + start * pixel + ahead, out + x * pixel + ahead
                        multiply_each(a, pixels * pixel, rows, right + ahead, c, x_step * pixel, vectors, steps, 0)


@compiled
def gradient_of_each(images, slopes, total, strides, dilation, before, runs):
    """As `gradient_block`, for each channel separately; slopes are shaped as outputs, total as the kernel.

    Args:
        runs: along the columns, of `runs_over`.
    """
    columns, channels = slopes.shape[2], slopes.shape[3]
    pixel, at_once = channels * BYTES, max(1, LONGEST_SUM // columns)
    line, line_of_slopes = images.shape[2] * pixel, columns * pixel
    for n in range(len(images)):
        for dy in range(len(total)):
            start = dy * dilation - before
            first, end = _lines_inside(start, strides, slopes.shape[1], images.shape[1])
            for y in range(first, end, at_once):
                for j in range(len(runs)):
                    x, _, count, source, pixels, dx, cells, _, jump = _numbers(runs[j])
                    steps = (
                        (1, min(at_once, end - y), count),
                        (0, strides * line, pixels * pixel),
                        (0, line_of_slopes, pixel),
                    )
                    for column in range(0, channels, 2 * LANES):
                        vectors, ahead = min(2, (channels - column) // LANES), column * BYTES
                        left = address(images[n]) + (start + y * strides) * line + source * pixel + ahead
                        right = address(slopes[n]) + y * line_of_slopes + x * pixel + ahead
                        out = address(total[dy]) + dx * pixel + ahead
                        multiply_each(left, jump * pixel, cells, right, out, pixel, vectors, steps, 1)
