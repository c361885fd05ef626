"""Every structured Jacobian against the dense one of the function that it is the derivative of."""

from typing import NamedTuple

import numpy as np
import pytest
from draws import stream
from numeric import EXACT, complex_step, contract, push, relative_error
from plain import softmax

from nnlite import jacobians, kernels
from nnlite.arrays.windows import place_windows
from nnlite.jacobians import (
    AddedLoss,
    BiasInBlocks,
    Broadcast,
    ChainJacobians,
    ComplexStepHessian,
    Composed,
    Contraction,
    ConvolutionByInputs,
    ConvolutionByKernel,
    Diagonal,
    DiagonalPlusRankOne,
    EinsumJacobian,
    Embedded,
    Flip,
    GatherRows,
    GraphJacobians,
    Identity,
    Interpolate,
    Jacobian,
    Jacobians,
    KernelOfRows,
    LargestOfBins,
    LargestOfWindows,
    LogSoftmaxJacobian,
    MaskedStandardize,
    MatMulLeft,
    MatMulRight,
    NetworkJacobian,
    Node,
    ParameterVector,
    Partial,
    Penalized,
    Pieces,
    Quotient,
    Rearrange,
    Recast,
    RecurrentJacobians,
    Reparametrized,
    RowsTimesKernel,
    RowStochastic,
    Segment,
    Separable,
    SimpleRecurrence,
    Slice,
    SoftmaxJacobian,
    Standardize,
    StandardizeGroups,
    Summed,
    SumOfWindows,
    SumOver,
    TowardsMean,
    Transposed,
    TransposedConvolutionByKernel,
)
from nnlite.regularizers import L2

generator = np.random.default_rng(5)


normal = stream(generator)


def standardized(x, axes):
    mean = x.mean(axis=axes, keepdims=True)
    return (x - mean) / np.sqrt(((x - mean) ** 2).mean(axis=axes, keepdims=True) + 0.1)


class Case(NamedTuple):
    """A map, the point where it was taken and the function whose derivative it is; `shared` is a parameter's map."""

    map: Jacobian
    function: object
    point: np.ndarray
    shared: bool = False

    def __str__(self):
        return repr(self.map)

    @property
    def dense(self):
        return complex_step(self.function, [self.point])


def matmul_left(other, *shape):
    point = normal(*shape)
    out, full = (point @ other).shape, point[None] if len(shape) == 1 else point
    column = other[:, None] if other.ndim == 1 else other
    return Case(MatMulLeft(column, shape, out, full.shape, (full @ column).shape), lambda x: x @ other, point)


def matmul_right(other, *shape, shared=False):
    point = normal(*shape)
    out, full = (other @ point).shape, point[:, None] if len(shape) == 1 else point
    row = other[None] if other.ndim == 1 else other
    return Case(MatMulRight(row, shape, out, full.shape, (row @ full).shape), lambda x: other @ x, point, shared)


def broadcast(in_shape, out_shape, shared=True):
    return Case(Broadcast(in_shape, out_shape), lambda x: np.broadcast_to(x, out_shape), normal(*in_shape), shared)


def diagonal(slopes, in_shape, out_shape, shared=False):
    return Case(
        Diagonal(slopes, in_shape, out_shape),
        lambda x: np.broadcast_to(x, out_shape) * slopes,
        normal(*in_shape),
        shared,
    )


def along_axis(cls, function, shape, axis):
    point = normal(*shape)
    return Case(cls(softmax(point, axis), axis), lambda x: function(x, axis), point)


def standardize(shape, axes):
    point = normal(*shape)
    deviation = np.sqrt(point.var(axis=axes, keepdims=True) + 0.1)
    return Case(Standardize(standardized(point, axes), 1 / deviation, axes), lambda x: standardized(x, axes), point)


def standardize_groups(shape, groups):
    point = normal(*shape)

    def function(x):
        apart = x.reshape(shape[0], shape[1], groups, -1)
        return standardized(apart, (1, 3)).reshape(shape)

    _, values, inverse_deviation, *_ = kernels.normalize_columns(point, None, None, 0.1, groups)
    return Case(StandardizeGroups(values, inverse_deviation[:, None], groups), function, point)


def sum_over(axes, shape, scale=1, keepdims=False):
    point = normal(*shape)
    out = point.sum(axis=axes, keepdims=keepdims).shape
    return Case(SumOver(axes, shape, out, scale), lambda x: x.sum(axis=axes, keepdims=keepdims) * scale, point)


def contraction(shape, rank):
    gradients = normal(*shape)
    axes = tuple(range(-rank, 0))
    return Case(Contraction(gradients, rank), lambda x: (x * gradients).sum(axis=axes), normal(*shape))


def kernel_of_rows(*shape):
    rows = normal(*shape)
    return Case(
        KernelOfRows(rows, (shape[-1], 2), (*shape[:-1], 2)), lambda kernel: rows @ kernel, normal(shape[-1], 2), True
    )


def gather(indices, axis, shape, shared=False):
    indices, point = np.array(indices), normal(*shape)
    out = np.take(point, indices, axis).shape
    return Case(GatherRows(indices, axis, shape, out), lambda x: np.take(x, indices, axis), point, shared)


def segment(axis, start, shape, total):
    point = normal(*shape)
    place = [slice(None)] * len(shape)
    place[axis] = slice(start, start + shape[axis])
    out = list(shape)
    out[axis] = total

    def embed(x):
        result = np.zeros(out, x.dtype)
        result[tuple(place)] = x
        return result

    return Case(Segment(axis, start, start + shape[axis], shape, tuple(out)), embed, point)


def quotient(shape, axes):
    """x over its root mean square."""
    point = normal(*shape)
    count = np.prod([shape[axis] for axis in axes])

    def function(x):
        return x / np.sqrt((x * x).mean(axis=axes, keepdims=True) + 0.1)

    inverse = 1 / np.sqrt((point * point).mean(axis=axes, keepdims=True) + 0.1)
    return Case(Quotient(point * inverse, point * inverse, inverse, axes, 1 / count), function, point)


def masked_standardize(shape, axes):
    point, counted = normal(*shape), generator.integers(0, 2, shape).astype(float)
    shares = counted / np.maximum(counted.sum(axis=axes, keepdims=True), 1)

    def parts(x):
        centered = x - (x * shares).sum(axis=axes, keepdims=True)
        return centered, 1 / np.sqrt((centered * centered * shares).sum(axis=axes, keepdims=True) + 0.1)

    centered, inverse = parts(point)
    jacobian = MaskedStandardize(centered * inverse, inverse, axes, shares)
    return Case(jacobian, lambda x: np.multiply(*parts(x)), point)


def separable(axes, shape, out_shape):
    rows, columns = (normal(out_shape[axis], shape[axis]) for axis in axes)
    formula = "ih,jw,bhwc->bijc" if axes == (-3, -2) else "ih,jw,bchw->bcij"
    jacobian = Separable((rows, columns), axes, shape, out_shape)
    return Case(jacobian, lambda x: np.einsum(formula, rows, columns, x), normal(*shape))


def interpolate(shape, out_shape, channels_first=False):
    batch, height, width, channels = (shape[0], *shape[2:], shape[1]) if channels_first else shape
    places = np.prod(out_shape) // (batch * channels)
    pixels, weights = generator.integers(0, height * width, (3, batch, places)), normal(3, batch, places)

    def function(x):
        last = np.moveaxis(x, 1, -1) if channels_first else x
        flat, rows = last.reshape(batch, -1, channels), range(batch)
        mixed = np.stack([sum(weights[t, b, :, None] * flat[b, pixels[t, b]] for t in range(3)) for b in rows])
        return np.swapaxes(mixed, 1, 2).reshape(out_shape) if channels_first else mixed.reshape(out_shape)

    return Case(Interpolate(pixels, weights, shape, out_shape, channels_first), function, normal(*shape))


def pieces(lead, features, places, count):
    low, steepness = normal(len(range(features)[places]) if isinstance(places, slice) else len(places), count), 1.5

    def function(x):
        beside = (x[..., places, None] - low) * steepness
        beside = np.where(beside.real <= 0, 0, np.where(beside.real >= 1, 1, beside))
        return np.concatenate([x, beside.reshape(*lead, -1)], axis=-1)

    x = normal(*lead, features)
    values = function(x)[..., features:].reshape(*lead, *low.shape)
    return Case(Pieces(values, np.full(low.shape, steepness), places, features), function, x)


def flip(axis, shape):
    def function(x):
        return np.stack([np.flip(x[0], axis), x[1], np.flip(x[2], axis)])

    return Case(Flip(np.array([True, False, True]), axis, shape), function, normal(*shape))


def towards_mean(axes, shape):
    factor = normal(shape[0], *[1] * (len(shape) - 1))

    def function(x):
        mean = x.mean(axis=axes, keepdims=True)
        return (x - mean) * factor + mean

    return Case(TowardsMean(factor, axes, shape), function, normal(*shape))


def covered(windows, place):
    """The input cells that the window at `place` covers, padding left out, each with its number in the window."""
    for number, cell in enumerate(np.ndindex(windows.size)):
        axes = zip(place, windows.strides, cell, windows.dilation, windows.before, strict=True)
        source = tuple(own * stride + k * step - before for own, stride, k, step, before in axes)
        if all(0 <= index < length for index, length in zip(source, windows.inputs, strict=True)):
            yield number, source


def by_hand(x, kernel, windows, groups=1):
    """A convolution, one window and one cell after the other; the kernel is `(cells, channels / groups, filters)`."""
    channels, filters = kernel.shape[1], kernel.shape[2] // groups
    y = np.zeros((len(x), *windows.outputs, kernel.shape[2]), np.result_type(x, kernel))
    for place in np.ndindex(windows.outputs):
        for number, source in covered(windows, place):
            for group in range(groups):
                own = slice(group * filters, (group + 1) * filters)
                part = x[(slice(None), *source, slice(group * channels, (group + 1) * channels))]
                y[(slice(None), *place, own)] += part @ kernel[number][:, own]
    return y


def convolutions(lengths, size, strides, padding="valid", dilation=None, groups=1, channels=2, filters=2):
    """The maps of a convolution and of the transposed one, with and without slopes."""
    windows = place_windows(lengths, size, strides, padding, dilation)
    x, kernel = normal(2, *lengths, channels), normal(int(np.prod(size)), channels // groups, filters)
    shape = (2, *windows.outputs, filters)
    slopes, upstream = normal(*shape), normal(*shape)
    for own, factor in [(None, 1), (slopes, slopes)]:
        by_inputs = ConvolutionByInputs(kernel, windows, groups, x.shape, shape, own)
        by_kernel = ConvolutionByKernel(x, windows, groups, kernel.shape, shape, own)
        yield Case(by_inputs, lambda x, factor=factor: factor * by_hand(x, kernel, windows, groups), x)
        yield Case(by_kernel, lambda k, factor=factor: factor * by_hand(x, k, windows, groups), kernel, True)
    if groups == 1:
        flat = ConvolutionByInputs(kernel, windows, 1, x.shape, shape).todense().reshape(upstream.size, x.size)
        yield Case(
            Transposed(ConvolutionByInputs(kernel, windows, 1, x.shape, shape)),
            lambda g: (g.reshape(-1) @ flat).reshape(x.shape),
            upstream,
        )
        yield Case(
            TransposedConvolutionByKernel(upstream, windows, kernel.shape, x.shape),
            lambda k: transposed_by_hand(upstream, k, windows, x.shape),
            kernel,
            True,
        )


def transposed_by_hand(g, kernel, windows, shape):
    x = np.zeros(shape, np.result_type(g, kernel))
    for place in np.ndindex(windows.outputs):
        for number, source in covered(windows, place):
            x[(slice(None), *source)] += g[(slice(None), *place)] @ kernel[number].T
    return x


def pools(lengths, size, strides, padding="valid", trailing=1):
    """The maps of sums and of largest elements over windows."""
    windows = place_windows(lengths, size, strides, padding)
    rest = (2,) * trailing
    x, shape, weight = normal(2, *lengths, *rest), (2, *windows.outputs, *rest), normal(*windows.outputs, *rest)

    def pool(x, reduce):
        y = np.zeros(shape, x.dtype)
        for place in np.ndindex(windows.outputs):
            y[(slice(None), *place)] = reduce([x[(slice(None), *source)] for _, source in covered(windows, place)])
        return y

    yield Case(SumOfWindows(windows, trailing, weight, x.shape, shape), lambda x: weight * pool(x, sum), x)
    yield Case(LargestOfWindows.of(x, windows, trailing)[1], lambda x: pool(x, lambda own: np.max(own, axis=0)), x)


def largest_of_bins(bins, axis, shape):
    x = normal(*shape)

    def largest(x):
        moved = np.moveaxis(x, axis, 0)
        return np.moveaxis(np.stack([moved[start:stop].max(axis=0) for start, stop in bins]), 0, axis)

    return Case(LargestOfBins.of(x, bins, axis)[1], largest, x)


def embedded(place, shape, out_shape):
    widths = [(own.start or 0, total - (own.stop or total)) for own, total in zip(place, out_shape[1:], strict=True)]
    return Case(Embedded(place, shape, out_shape), lambda x: np.pad(x, [(0, 0), *widths]), normal(*shape))


def einsum(subscripts, *shapes, place=0, shared=False):
    """A map of `np.einsum` by the operand at `place`."""
    labels, out = subscripts.split("->")
    labels, operands = labels.split(","), [normal(*shape) for shape in shapes]
    others = [operand for index, operand in enumerate(operands) if index != place]

    def function(x):
        return np.einsum(subscripts, *others[:place], x, *others[place:])

    other_labels = [own for index, own in enumerate(labels) if index != place]
    point = operands[place]
    made = EinsumJacobian(labels[place], out, others, other_labels, point.shape, function(point).shape)
    return Case(made, function, point, shared)


def cut(index, shape):
    point = normal(*shape)
    return Case(Slice(index, shape, point[index].shape), lambda x: x[index], point)


def diagonal_plus_rank_one(shape):
    diagonal, vector, weight = normal(*shape), normal(*shape), normal(*shape[:-1], 1)

    def function(x):
        return diagonal * x + weight * vector * (vector * x).sum(-1, keepdims=True)

    return Case(DiagonalPlusRankOne(diagonal, vector, weight), function, normal(*shape))


def graph_of(rows, kernel):
    """tanh(rows @ kernel) @ kernel.T: the kernel is used twice."""
    hidden = np.tanh(rows @ kernel)
    out_shape, slopes = (len(rows), len(kernel)), 1 - hidden * hidden
    nodes = [
        Node(matmul_of(rows, kernel), (0, 1), (2,)),
        Node(Jacobians(Diagonal(slopes, hidden.shape, hidden.shape)), (2,), (3,)),
        Node(Jacobians(Rearrange(kernel.shape, kernel.shape[::-1], (1, 0))), (1,), (4,)),
        Node(matmul_of(hidden, kernel.T), (3, 4), (5,)),
    ]
    return GraphJacobians(nodes, [rows.shape, kernel.shape], [(5, out_shape)])


def matmul_of(rows, kernel):
    out = (len(rows), kernel.shape[1])
    return Jacobians(RowsTimesKernel(kernel, rows.shape, out), KernelOfRows(rows, kernel.shape, out))


def tied(x, kernel):
    return np.tanh(x @ kernel) @ kernel.T


def network(wrt):
    """Of two layers, by the rows or by their kernels laid end to end."""
    rows, first, last = normal(3, 4), normal(4, 2), normal(2, 3)
    hidden = rows @ first
    chain = ChainJacobians([matmul_of(rows, first), matmul_of(hidden, last)])
    if wrt == "inputs":
        return Case(NetworkJacobian(chain, None, (3, 4), (3, 3)), lambda x: x @ first @ last, rows)
    vector = ParameterVector([(4, 2), (2, 3)], ["first", "last"], [True, True], np.float64)

    def function(values):
        return rows @ values[:8].reshape(4, 2) @ values[8:].reshape(2, 3)

    point = np.concatenate([first.ravel(), last.ravel()])
    return Case(NetworkJacobian(chain, vector, (14,), (3, 3)), function, point, True)


def hessian(point):
    return Case(ComplexStepHessian(lambda x: 4 * x**3, point), lambda x: 12 * point**2 * x, normal(*point.shape))


def through_time(index):
    """Of the states h = tanh(x @ kernel + h @ recurrent + bias) of three steps, by one of these arrays."""
    arrays = [normal(2, 3, 4), normal(4, 2), normal(2, 2), normal(2)]

    def function(x, kernel, recurrent, bias):
        states = [np.zeros((2, 2))]
        for step in range(3):
            states.append(np.tanh(x[:, step] @ kernel + states[-1] @ recurrent + bias))
        return np.stack(states, axis=1)

    states, (x, kernel, recurrent, _) = function(*arrays), arrays
    recurrence = SimpleRecurrence(np.ascontiguousarray(states.swapaxes(0, 1)), recurrent, None)
    shapes = [array.shape for array in arrays]
    together = RecurrentJacobians(recurrence, x.swapaxes(0, 1), kernel, shapes, sequences=True)

    def changed(value):
        return function(*arrays[:index], value, *arrays[index + 1 :])[:, 1:]

    return Case(together[index], changed, arrays[index], index > 0)


KERNEL = normal(4, 2)
ROWS, SLOPES, OTHER = normal(3, 4), normal(3, 2), normal(3, 2)


def log_sum(shape, rank):
    x, axes = normal(*shape), tuple(range(-rank, 0))
    sums = np.exp(x).sum(axis=axes, keepdims=True)
    return Case(RowStochastic(np.exp(x) / sums, rank), lambda x: np.log(np.exp(x).sum(axis=axes)), x)


CASES = [
    Case(Identity((2, 3)), lambda x: x, normal(2, 3)),
    Case(Recast((2, 3), np.float64, np.float64), lambda x: x, normal(2, 3)),
    *[
        broadcast(*shapes)
        for shapes in [
            ((3,), (2, 3)),
            ((3,), (4, 2, 3)),
            ((1, 3), (4, 2, 3)),
            ((), (2, 3)),
            ((2, 1), (4, 2, 3)),
            ((3,), (1, 3)),
            ((1,), (2, 1)),
        ]
    ],
    broadcast((2, 1), (2, 3), shared=False),
    diagonal(normal(2, 3), (2, 3), (2, 3)),
    diagonal(normal(3), (2, 3), (2, 3)),
    diagonal(normal(3) > 0, (2, 3), (2, 3)),
    diagonal(normal(4, 2, 3), (3,), (4, 2, 3), shared=True),
    diagonal(normal(4, 2, 3), (2, 1), (4, 2, 3), shared=True),
    diagonal(normal(3), (2, 1), (2, 3)),
    matmul_left(normal(4, 2), 3, 4),
    matmul_left(normal(4), 4),
    matmul_left(normal(4), 2, 3, 4),
    matmul_left(normal(2, 4, 3), 4),
    matmul_left(normal(2, 4, 3), 3, 4),
    matmul_left(normal(2, 4, 3), 1, 3, 4),
    matmul_right(normal(3, 4), 4, 2, shared=True),
    matmul_right(normal(4), 4),
    matmul_right(normal(3, 4), 4),
    matmul_right(normal(2, 3, 4), 4, shared=True),
    matmul_right(normal(4), 2, 4, 3),
    matmul_right(normal(2, 3, 4), 4, 2, shared=True),
    matmul_right(normal(2, 3, 4), 1, 4, 2, shared=True),
    *[
        Case(RowsTimesKernel(OTHER, shape, (*shape[:-1], 2)), lambda x: x @ OTHER, normal(*shape))
        for shape in [(4, 3), (2, 4, 3), (1, 3)]
    ],
    *[kernel_of_rows(*shape) for shape in [(3, 4), (2, 3, 4), (2, 1, 3, 4), (1, 4)]],
    *[along_axis(SoftmaxJacobian, softmax, (2, 3, 4), axis) for axis in (-1, -2, -3)],
    *[
        along_axis(LogSoftmaxJacobian, lambda x, axis: np.log(softmax(x, axis)), (2, 3, 4), axis)
        for axis in (-1, -2, -3)
    ],
    standardize((4, 3), (-2,)),
    standardize((2, 3, 4), (-3, -2)),
    standardize((2, 3), (-1,)),
    standardize_groups((2, 3, 4), 2),
    standardize_groups((2, 1, 3), 3),
    quotient((2, 3), (-1,)),
    quotient((2, 3, 2), (-3, -2)),
    masked_standardize((4, 3), (-2,)),
    masked_standardize((2, 4, 3), (-3, -1)),
    separable((-3, -2), (2, 3, 4, 2), (2, 2, 3, 2)),
    separable((-2, -1), (2, 2, 3, 1), (2, 2, 1, 4)),
    pieces((3,), 4, slice(1, 3), 2),
    pieces((2, 3), 3, np.array([2, 0]), 3),
    interpolate((2, 3, 2, 2), (2, 2, 2, 2)),
    interpolate((2, 2, 3, 2), (2, 2, 1, 4), channels_first=True),
    flip(-3, (3, 3, 2, 1)),
    flip(-1, (3, 2)),
    towards_mean((-3, -2), (2, 2, 3, 2)),
    Case(Penalized(SLOPES, L2(0.3)), lambda x: x, normal(3, 2)),
    Case(AddedLoss(normal(3), (3, 4)), lambda x: 0 * x.sum() * np.ones((3, 4)), normal(3)),
    Case(
        Reparametrized(KernelOfRows(ROWS, (4, 2), (3, 2)), Diagonal(OTHER[:1], (4, 2), (4, 2))),
        lambda w: ROWS @ (OTHER[:1] * w),
        normal(4, 2),
        True,
    ),
    cut((slice(None), slice(1, 3)), (2, 4)),
    cut((slice(None), None, slice(None, None, -2), 1), (2, 3, 2)),
    cut((1, slice(None)), (3, 2)),
    cut((slice(None, None, -1), slice(None)), (3, 2)),
    diagonal_plus_rank_one((3, 4)),
    diagonal_plus_rank_one((2, 2, 3)),
    diagonal_plus_rank_one((3,)),
    Case(graph_of(ROWS, KERNEL)[0], lambda x: tied(x, KERNEL), ROWS),
    Case(graph_of(ROWS, KERNEL)[1], lambda kernel: tied(ROWS, kernel), KERNEL, True),
    network("inputs"),
    network("parameters"),
    hessian(normal(2, 3)),
    sum_over((-1,), (2, 3)),
    sum_over((-3, -1), (2, 3, 2), 0.25),
    sum_over((-2,), (2, 3), 0.5, keepdims=True),
    sum_over((-2, -1), (2, 3)),
    contraction((2, 3), 1),
    contraction((2, 3, 2), 1),
    log_sum((2, 3), 1),
    log_sum((4, 2, 3), 2),
    contraction((2, 3), 2),
    contraction((4, 2, 3), 2),
    Case(Rearrange((2, 3, 4), (2, 12), (0, 2, 1)), lambda x: x.swapaxes(1, 2).reshape(2, 12), normal(2, 3, 4)),
    Case(Rearrange((2, 6), (3, 4)), lambda x: x.reshape(3, 4), normal(2, 6)),
    Case(Rearrange((2, 3, 4), (4, 2, 3), (2, 0, 1)), lambda x: x.transpose(2, 0, 1), normal(2, 3, 4)),
    Case(Rearrange((2, 3, 4), (4, 6), (2, 0, 1)), lambda x: x.transpose(2, 0, 1).reshape(4, 6), normal(2, 3, 4)),
    einsum("btf,fhd->bhtd", (2, 3, 2), (2, 2, 3)),
    einsum("btf,fhd->bhtd", (2, 3, 2), (2, 2, 3), place=1, shared=True),
    einsum("bij,bkj->bik", (2, 3, 2), (2, 2, 2), place=1),
    einsum("bi,bj,ij->b", (2, 3), (2, 2), (3, 2), place=2, shared=True),
    einsum("bi,ij,jk->bk", (2, 3), (3, 2), (2, 2), place=1, shared=True),
    einsum("bii,ij->bj", (2, 3, 3), (3, 2)),
    einsum("bj,iij->bi", (2, 3), (2, 2, 3), place=1, shared=True),
    einsum("bj,jk->b", (2, 3), (3, 2), place=1, shared=True),
    einsum("bj->b", (2, 3)),
    einsum("b,i->bi", (2,), (3,), place=1, shared=True),
    einsum("ji,bj->ib", (2, 3), (3, 2), shared=True),
    einsum("ij,ij->", (2, 3), (2, 3)),
    segment(-1, 1, (2, 3), 6),
    segment(-2, 2, (2, 3), 4),
    gather([2, 0, 2], -2, (4, 3), shared=True),
    gather([[2, 0], [2, 2], [1, 0]], -2, (4, 3), shared=True),
    gather([1, 1, 0], -1, (2, 4)),
    gather([[0, 3], [1, 3]], -2, (2, 4, 3)),
    Case(
        Composed(Diagonal(SLOPES, (3, 2), (3, 2)), KernelOfRows(ROWS, (4, 2), (3, 2))),
        lambda w: SLOPES * (ROWS @ w),
        normal(4, 2),
        True,
    ),
    Case(
        Composed(Diagonal(SLOPES, (3, 2), (3, 2)), RowsTimesKernel(KERNEL, (3, 4), (3, 2))),
        lambda x: SLOPES * (x @ KERNEL),
        normal(3, 4),
    ),
    Case(
        Composed(SoftmaxJacobian(softmax(OTHER)), Broadcast((2,), (3, 2))),
        lambda b: softmax(OTHER) * (b - (softmax(OTHER) * b).sum(-1, keepdims=True)),
        normal(2),
        True,
    ),
    Case(Summed(Diagonal(SLOPES, (3, 2), (3, 2)), Identity((3, 2))), lambda x: SLOPES * x + x, normal(3, 2)),
    Case(Summed(Broadcast((2,), (3, 2)), Diagonal(SLOPES, (2,), (3, 2))), lambda x: x + SLOPES * x, normal(2), True),
    *convolutions((4,), (3,), (1,)),
    *convolutions((4,), (2,), (3,), "same", channels=5),
    *convolutions((5,), (2,), (2,), "causal", (2,), groups=2, filters=4),
    *convolutions((3, 4), (2, 3), (2, 1), "same", channels=1),
    *convolutions((3, 3), (2, 2), (1, 1), "valid", (2, 1), groups=2),
    *convolutions((2, 1, 3), (2, 1, 2), (1, 1, 2), "same"),
    *convolutions((1, 1), (1, 1), (1, 1)),
    *pools((4, 6), (2, 3), (2, 3)),
    *pools((5, 4), (3, 2), (2, 3), "same"),
    *pools((4,), (3,), (1,), trailing=0),
    *pools((3,), (1,), (2,)),
    *pools((2, 3, 2), (2, 2, 1), (1, 2, 1), "same"),
    largest_of_bins([(0, 2), (1, 4)], -2, (2, 4, 3)),
    largest_of_bins([(0, 4)], -1, (2, 3, 4)),
    largest_of_bins([(0, 1), (0, 1), (1, 2)], -3, (2, 3, 2)),
    embedded((slice(1, 3), slice(0, 3)), (2, 2, 3), (2, 4, 5)),
    *map(through_time, range(4)),
    *[
        Case(BiasInBlocks(slopes, (2,), slopes.shape), lambda b, slopes=slopes: slopes * b, normal(2), True)
        for slopes in (normal(3, 4, 2), normal(3, 2, 2, 2))
    ],
]
cases = pytest.mark.parametrize("case", CASES, ids=str)
seeded = pytest.mark.parametrize("seeds", [(), (2,), (2, 3)], ids=str)


def subclasses(cls):
    return {cls} | {below for child in cls.__subclasses__() for below in subclasses(child)}


def test_every_map_has_a_row_and_a_public_name():
    own = {cls for cls in subclasses(Jacobian) - {Jacobian} if cls.__module__.startswith("nnlite.")}
    concrete = {cls.__name__ for cls in own if not cls.__name__.startswith("_")}
    assert {type(case.map).__name__ for case in CASES} == concrete
    assert concrete <= set(vars(jacobians))


def test_every_parameter_map_of_the_list_is_tested_per_example():
    shared = {type(case.map) for case in CASES if case.shared}
    assert shared >= {KernelOfRows, Broadcast, Diagonal, GatherRows, MatMulRight, Composed, Summed}
    assert shared >= {ConvolutionByKernel, TransposedConvolutionByKernel, BiasInBlocks}


@cases
def test_todense_equals_complex_step(case):
    dense = case.map.todense()
    assert dense.shape == case.map.shape == (*case.map.out_shape, *case.map.in_shape)
    assert relative_error(dense, case.dense) <= EXACT


@cases
@seeded
def test_vjp_and_jvp_equal_the_dense_products(case, seeds):
    cotangent, tangent = normal(*seeds, *case.map.out_shape), normal(*seeds, *case.map.in_shape)
    expected = contract(cotangent, case.dense, case.map.out_shape)
    assert relative_error(case.map.vjp(cotangent), expected) <= EXACT
    assert relative_error(case.map.jvp(tangent), push(case.dense, tangent, case.map.in_shape)) <= EXACT
    out = np.full(expected.shape, np.nan)
    case.map.vjp_into(cotangent, out)
    assert relative_error(out, expected) <= EXACT


@cases
def test_products_leave_their_arguments_alone(case):
    cotangent, tangent = normal(*case.map.out_shape), normal(*case.map.in_shape)
    cotangent.flags.writeable = tangent.flags.writeable = False
    for array in case.map.stored():
        array.flags.writeable = False
    case.map.vjp(cotangent), case.map.jvp(tangent), case.map.vjp_into(cotangent, np.empty(case.map.in_shape))


@pytest.mark.parametrize("case", [case for case in CASES if case.shared], ids=str)
def test_per_example_is_vjp_of_one_row_at_a_time(case):
    cotangent = normal(*case.map.out_shape)
    found = case.map.per_example(cotangent)
    assert relative_error(found.sum(0), case.map.vjp(cotangent)) <= EXACT
    for row in range(len(cotangent)):
        alone = np.zeros_like(cotangent)
        alone[row] = cotangent[row]
        assert relative_error(found[row], case.map.vjp(alone)) <= EXACT


@cases
def test_a_map_that_mixes_rows_says_so(case):
    (batch, *_), (rows, *_) = (*case.map.out_shape, 0), (*case.map.in_shape, 0)
    if case.map.mixes_rows:
        return
    assert batch == rows > 0
    for row in range(batch):
        assert not np.any(np.delete(case.dense[row], row, axis=len(case.map.out_shape) - 1))


def test_most_maps_of_data_do_not_mix_rows():
    """Else the test before would see nothing."""
    apart = {type(case.map) for case in CASES if not case.map.mixes_rows}
    assert apart >= {Diagonal, Rearrange, RowsTimesKernel, Slice, SoftmaxJacobian, Standardize, SumOver}
    assert apart >= {DiagonalPlusRankOne, Partial, NetworkJacobian, Composed, Summed, Quotient, Contraction}


@cases
def test_dtype_and_repr(case):
    assert case.map.dtype == np.float64
    assert case.map.todense().dtype == np.float64
    if isinstance(case.map, NetworkJacobian):
        return  # it shows itself as a tree
    shapes = f"out_shape={case.map.out_shape}, in_shape={case.map.in_shape}"
    assert repr(case.map) == f"{type(case.map).__name__}({shapes})"


def test_float32_entries_give_float32():
    slopes = np.ones((2, 3), np.float32)
    assert Diagonal(slopes, (2, 3), (2, 3)).dtype == np.float32
    composed = Composed(Diagonal(slopes, (2, 3), (2, 3)), KernelOfRows(slopes[:, :2], (2, 3), (2, 3)))
    assert composed.dtype == composed.todense().dtype == np.float32
    recast = Recast((2,), np.float32, np.float64)
    assert recast.vjp(np.ones(2)).dtype == np.float32
    assert recast.jvp(np.ones(2, np.float32)).dtype == np.float64
    assert recast.vjp(np.ones(2, complex)).dtype == complex


BIG = np.ones((100, 40))
SMALL = [
    (Identity((100, 40)), 0),
    (Broadcast((40,), (100, 40)), 0),
    (Rearrange((100, 40), (4000,)), 0),
    (SumOver((-1,), (100, 40), (100,)), 0),
    (Segment(-1, 0, 40, (100, 40), (100, 50)), 0),
    (Diagonal(BIG, (100, 40), (100, 40)), BIG.nbytes),
    (KernelOfRows(BIG, (40, 30), (100, 30)), BIG.nbytes),
    (RowsTimesKernel(BIG[:40], (100, 40), (100, 40)), BIG[:40].nbytes),
    (SoftmaxJacobian(BIG), BIG.nbytes),
    (Composed(Diagonal(BIG, (100, 40), (100, 40)), Diagonal(BIG, (100, 40), (100, 40))), BIG.nbytes),
    (GatherRows(np.zeros(100, int), -2, (50, 40), (100, 40)), 800),
]


@pytest.mark.parametrize(("part", "size"), SMALL, ids=lambda value: repr(value))
def test_storage_is_what_the_structure_needs(part, size):
    assert part.nbytes == size
    assert part.nbytes * 100 < 8 * np.prod(part.shape, dtype=float)
