"""Whole training steps of consecutive dense layers, compiled: one call for one step, or for many."""

from functools import partial
from typing import Any

import numpy as np
from numba import types
from numba.extending import overload

from nnlite.kernels.compiled import losses
from nnlite.kernels.compiled.dense import compiled, run_backward, run_forward
from nnlite.kernels.compiled.parts import products, tiles, updates
from nnlite.kernels.compiled.parts.standing import matrix, vector
from nnlite.kernels.compiled.parts.updates import LOSS, SCALE, summing
from nnlite.kernels.compiled.recurrent import SGEMM
from nnlite.kernels.reference.dense import DenseRoom
from nnlite.kernels.reference.forms import SOFTMAX_OF_SHARES, SQUARED_ERROR, Standing

__all__ = ["dense_steps", "dense_update"]

COLUMNS, THRESHOLD = len(DenseRoom.COLUMNS), DenseRoom.COLUMNS.index("threshold")
VALUES, GRADIENTS, OWN_VALUES, OWN_GRADIENTS, MEMORY, DROPOUT_SCALES = range(6)  # attributes of `Standing`, in order
FIRST, SECOND, AVERAGE, SUMS, FACTORS = range(6, 11)
PENALTIES, PLACES, PLAN = (Standing._fields.index(name) for name in ("penalties", "places", "plan"))
LOSS_CODE, GUARDED, APART = (Standing._fields.index(name) for name in ("loss", "guarded", "apart"))


@compiled
def _steps(
    address: int,
    inputs: np.ndarray,
    targets: np.ndarray,
    weights: np.ndarray,
    turns: np.ndarray,
    table: np.ndarray,
    bits: np.ndarray,
    drops: np.ndarray,
    outputs: np.ndarray,
    by_inputs: np.ndarray,
) -> int:
    """Carry out steps of training, each on its rows; returns how many were.

    Args:
        address: that of the matrix library's product.
        inputs, targets, weights: `(members, steps * rows, ...)`, of all steps; one member where there are none.
        turns: of each step what the sum of its losses is multiplied by, the size of the step of the optimizer, and so
            on, see `updates`; in the last column losses are written, means over members.
        table: that of `Standing`.
        bits: for each step and member what is the `all_bits` of a room.
        drops: for each step and layer threshold and scale of dropout, or no layers where each step has the same.
        outputs: where what leaves the last layer is written, for all rows.
        by_inputs: where the derivative of the loss by the inputs is written, and the update is left to `dense_update`,
            which the caller runs with the gradients of what comes before; empty where it is not wanted.
    """
    members, rows = len(inputs), inputs.shape[1] // len(turns)
    values, gradients = vector(table, VALUES, inputs), vector(table, GRADIENTS, inputs)
    own_values, own_gradients = vector(table, OWN_VALUES, inputs), vector(table, OWN_GRADIENTS, inputs)
    memory, dropout_scales = vector(table, MEMORY, inputs), vector(table, DROPOUT_SCALES, inputs)
    slots = vector(table, FIRST, inputs), vector(table, SECOND, inputs)
    sums = vector(table, AVERAGE, inputs), vector(table, SUMS, inputs)
    factors, penalties = vector(table, FACTORS, turns), matrix(table, PENALTIES, 4, turns)
    plan, places = matrix(table, PLAN, COLUMNS, table), matrix(table, PLACES, 5, table)
    form = updates.read_form(table, turns)
    loss, guarded, apart = table[LOSS_CODE, 0], table[GUARDED, 0] != 0, table[APART, 0] != 0
    for step in range(len(turns)):
        turn, start, stop, value = turns[step], step * rows, (step + 1) * rows, 0.0
        for layer in range(drops.shape[1]):
            plan[layer, THRESHOLD], dropout_scales[layer] = np.int64(drops[step, layer, 0]), drops[step, layer, 1]
        for member in range(members):
            if len(places):
                _gather(member, members, places, factors, values, own_values)
            batch = inputs[member, start:stop], targets[member, start:stop], weights[member, start:stop]
            room = own_values, own_gradients, memory, plan, dropout_scales, bits[step, member]
            value += _differentiate(*batch, loss, turn[SCALE], *room, outputs[member, start:stop], apart, address)
            if by_inputs.size:
                _enter_slopes(own_values, memory, plan, by_inputs[member, start:stop])
            if len(places):
                _scatter(member, members, places, factors, values, own_gradients, gradients)
        turn[LOSS] = (value + updates.penalize(penalties, values, gradients)) / members
        if guarded and not np.isfinite(turn[LOSS]):
            return step
        if not by_inputs.size:
            updates.carry_out(form, values, gradients, turn, slots, sums)
    return len(turns)


dense_steps = partial(_steps, SGEMM)


@compiled
def dense_update(turns: np.ndarray, table: np.ndarray, like: np.ndarray) -> None:
    """Update all parameters by their gradients, as a step of `dense_steps`, whose turns and table these are.

    `like` is an array of the type of the parameters.
    """
    values, gradients = vector(table, VALUES, like), vector(table, GRADIENTS, like)
    slots = vector(table, FIRST, like), vector(table, SECOND, like)
    sums = vector(table, AVERAGE, like), vector(table, SUMS, like)
    updates.carry_out(updates.read_form(table, turns), values, gradients, turns[0], slots, sums)


@compiled
def _differentiate(
    inputs,
    targets,
    weights,
    loss,
    scale,
    values,
    gradients,
    memory,
    plan,
    dropout_scales,
    bits,
    outputs,
    apart,
    address,
):
    """The loss of some rows, and the gradients of all layers."""
    rows, last = len(inputs), len(plan) - 1
    units, leaving, slopes = plan[last, 1], plan[last, 8], plan[last, 9]
    _begin(inputs, values, memory, plan, apart)
    run_forward(values, memory, plan, dropout_scales, bits, True)
    predictions = memory[leaving : leaving + rows * units].reshape(rows, units)
    _copy(memory[leaving : leaving + rows * units], outputs.reshape(rows * units))
    by_predictions = memory[slopes : slopes + rows * units].reshape(rows, units)
    value = _lose(loss, predictions, targets, scale, weights, by_predictions)
    run_backward(values, gradients, memory, plan, dropout_scales, bits, True, apart)
    _end(inputs, gradients, memory, plan, apart, address)
    return value


@compiled
def _enter_slopes(values, memory, plan, by_inputs):
    """The derivative with respect to the inputs of the first layer, from its slopes."""
    rows, features, units, start = len(by_inputs), plan[0, 0], plan[0, 1], plan[0, 9]
    kernel = values[: features * units].reshape(features, units)
    flat = memory[start : start + units * rows]
    if len(plan) > 1:
        tiles.dot(flat.reshape(units, rows).T, kernel.T, by_inputs)
    else:
        tiles.dot(flat.reshape(rows, units), kernel.T, by_inputs)


@compiled
def _gather(member, members, places, factors, values, gathered):
    """Copy the kernels and biases of a member together, the kernels times what they are multiplied by.

    Args:
        places: of each layer features, units, whether there is a bias, whether features are scaled, and where it
            begins: with the scales of all members, then their kernels, then their biases.
        factors: of each layer what its kernels are multiplied by.
    """
    to = 0
    for layer in range(len(places)):
        features, units, bias, scaled, _ = places[layer]
        scales, start, biases = _starts(member, members, places[layer])
        for feature in range(features):
            factor = values.dtype.type(factors[layer])
            if scaled:
                factor *= values[scales + feature]
            _multiply(values[start : start + units], factor, gathered[to : to + units])
            start += units
            to += units
        if bias:
            _copy(values[biases : biases + units], gathered[to : to + units])
            to += units


@compiled
def _scatter(member, members, places, factors, values, gathered, gradients):
    """Copy the gradients of a member to where those of all are."""
    to = 0
    for layer in range(len(places)):
        features, units, bias, scaled, _ = places[layer]
        scales, start, biases = _starts(member, members, places[layer])
        for feature in range(features):
            factor = values.dtype.type(factors[layer])
            if scaled:
                gradients[scales + feature] = (
                    _product(gathered[to : to + units], values[start : start + units]) * factor
                )
                factor *= values[scales + feature]
            _multiply(gathered[to : to + units], factor, gradients[start : start + units])
            start += units
            to += units
        if bias:
            _copy(gathered[to : to + units], gradients[biases : biases + units])
            to += units


@compiled
def _starts(member, members, layout):
    """The indices at which the scales of a member, its kernel and its bias begin, by a row of `places`."""
    features, units, _, scaled, at = layout
    kernels = at + scaled * members * features
    biases = kernels + members * features * units
    return at + member * features, kernels + member * features * units, biases + member * units


@compiled
def _multiply(vector, factor, out):
    for i in range(vector.size):
        out[i] = vector[i] * factor


@summing
def _product(left, right):
    total = left.dtype.type(0)
    for i in range(left.size):
        total += left[i] * right[i]
    return total


@compiled
def _begin(inputs, values, memory, plan, apart):
    """The first layer before its activation: the inputs stay where they are, so the bias is added separately."""
    rows, features, units, leaving = len(inputs), plan[0, 0], plan[0, 1], plan[0, 7]
    kernel = values[: features * units].reshape(features, units)
    bias = values[features * units : (features + plan[0, 2]) * units]
    flat = memory[leaving : leaving + units * rows]
    if len(plan) > 1:
        if products.rows_of_pieces(rows, kernel.size, apart):
            by_row = np.empty((rows, units), values.dtype)
            products.multiply(inputs, kernel, by_row, apart)
            products.turn(by_row, flat.reshape(units, rows))
        else:
            tiles.dot(kernel.T, inputs.T, flat.reshape(units, rows))
        for unit in range(bias.size):
            _add(flat[unit * rows : (unit + 1) * rows], bias[unit])
    else:
        products.multiply(inputs, kernel, flat.reshape(rows, units), apart)
        for row in range(rows):
            for unit in range(bias.size):
                flat[row * units + unit] += bias[unit]


@compiled
def _copy(vector, out):
    """`out[:] = vector`, which would compile the text of an error for other lengths: 4 of 13 seconds."""
    for i in range(vector.size):
        out[i] = vector[i]


@compiled
def _add(vector, number):
    for i in range(vector.size):
        vector[i] += number


@compiled
def _end(inputs, gradients, memory, plan, apart, address):
    """The gradients of the first layer."""
    rows, features, units, start = len(inputs), plan[0, 0], plan[0, 1], plan[0, 9]
    by_kernel = gradients[: features * units].reshape(features, units)
    by_bias = gradients[features * units : (features + plan[0, 2]) * units]
    flat = memory[start : start + units * rows]
    by_bias[:] = 0
    if len(plan) > 1:
        slopes = flat.reshape(units, rows)
        if products.turning_pays(features, slopes.size, apart):
            products.multiply_turned(inputs, products.turned(slopes), by_kernel, apart, address)
        else:
            tiles.dot(inputs.T, slopes.T, by_kernel)
        for unit in range(by_bias.size):
            by_bias[unit] = _sum(flat[unit * rows : (unit + 1) * rows])
    else:
        products.multiply_turned(inputs, flat.reshape(rows, units), by_kernel, apart, address)
        for row in range(rows):
            for unit in range(by_bias.size):
                by_bias[unit] += flat[row * units + unit]


@summing
def _sum(vector):
    total = vector.dtype.type(0)
    for i in range(vector.size):
        total += vector[i]
    return total


def _lose(code, predictions, targets, scale, weights, gradient) -> Any:
    """The loss; its derivative is written to `gradient`."""


@overload(_lose)
def _typed_loss(code, predictions, targets, scale, weights, gradient):
    if isinstance(targets.dtype, types.Integer):
        return lambda code, predictions, targets, scale, weights, gradient: losses._softmax_crossentropy(
            predictions, targets, scale, weights, gradient
        )

    def of_numbers(code, predictions, targets, scale, weights, gradient):
        if code == SQUARED_ERROR:
            return losses._squared_error(predictions, targets, scale, weights, gradient)
        if code == SOFTMAX_OF_SHARES:
            return losses._crossentropy_of_shares(predictions, targets, scale, weights, gradient)
        return losses._sigmoid_crossentropy(predictions, targets, scale, weights, gradient)

    return of_numbers
