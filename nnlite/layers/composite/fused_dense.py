"""Dense layers in a row, with their activations and dropouts, trained as one stage of a chain."""

from nnlite import kernels
from nnlite.errors import ShapeError
from nnlite.kernels.reference.dense import LINEAR, RELU, SIGMOID, TANH, DenseLayer, DenseRoom
from nnlite.layers.composite.chain import Chain
from nnlite.layers.core.activations import Activation, ReLU
from nnlite.layers.core.dense import Dense
from nnlite.layers.regularization.dropout import Dropout, random_bits, threshold_and_scale
from nnlite.ops import activations

__all__ = ["join_dense"]

CODES = {type(None): LINEAR, activations.Linear: LINEAR, activations.Sigmoid: SIGMOID, activations.Tanh: TANH}


def join_dense(program, packs):
    """What to train with: `program` with one stage in place of dense layers in a row.

    It computes what the layers compute, up to rounding, and writes their gradients; it holds no Jacobian of each.
    Dropout inside takes its random bits example after example for each unit, in place of unit after unit.
    Frozen layers, layers with a penalty on their activities and layers of one's own stay as they are, and so do layers
    with few units for their features: to copy the inputs would take longer than joining them saves.

    Args:
        program: a `Chain`, or a `Graph`, which is returned as it is if it branches.
        packs: the `Pack`s that its trained parameters live in.
    """
    if program.line is None:
        return program
    joined, waiting = Chain((), ""), list(program.line)
    while waiting:
        stage, count = _join_first(waiting, packs)
        joined.stages.append(stage)
        del waiting[:count]
    return joined


class JoinedDense:
    """Several dense layers as one stage: `linearize` runs them all, `vjp` of what it returns writes all gradients.

    Shape: `(batch, features) -> (batch, units)`, features of the first layer, units of the last.

    Args:
        layers: a `DenseLayer` for each.
        dropouts: for each its place in the chain and the `Dropout` after it, or None.
        values, gradients: the part of a pack that their parameters fill.

    Raises:
        ShapeError: inputs of another shape, or not of floating-point type; compiled code would not notice.
    """

    supports_masking = True

    def __init__(self, layers, dropouts, values, gradients):
        self.layers, self.dropouts, self.values, self.gradients = layers, dropouts, values, gradients
        self.context = ("source",) if any(dropouts) else ()
        self.room = None

    def linearize(self, inputs, *parameters, source=None):
        if inputs.ndim != 2 or inputs.shape[1] != self.layers[0].features or inputs.dtype.kind != "f":
            needed = f"an array of shape (batch, {self.layers[0].features}) and floating-point type"
            raise ShapeError(f"the dense layers need {needed}, got {inputs.shape} and {inputs.dtype}")
        if self.room is None or self.room.rows != len(inputs):
            self.room = DenseRoom(self.layers, len(inputs), self.values, self.gradients)
        if source is not None:
            self._draw(source)
        return kernels.dense_forward(self.room, inputs).copy(), _JoinedJacobians(self.room)

    def _draw(self, source):
        for dropout, bits in zip(self.dropouts, self.room.bits, strict=True):
            if dropout is not None:
                index, layer = dropout
                bits[...] = random_bits(layer, source.child(index), bits.shape)


class _JoinedJacobians:
    """The Jacobians of a `JoinedDense`: `vjp` alone, which writes into the gradients' pack."""

    __slots__ = ("room",)

    mask = None
    state = ()

    def __init__(self, room):
        self.room = room

    def vjp(self, cotangent, wanted, into):
        return (self.room.backward(self.room, cotangent, wanted[0]),)

    def parts(self):
        return ()


def _join_first(stages, packs):
    """The first stage, joined with those that follow if it can be, and how many stages it stands for."""
    layers, dropouts, parameters, count, found = [], [], [], 0, None
    while count < len(stages) and (described := _describe(stages[count:])):
        layer, dropout, own = described
        longer = [*parameters, *stages[count][1].parameters]
        place = _place(longer, packs)
        if place is None:
            break
        layers, dropouts, parameters, count, found = [*layers, layer], [*dropouts, dropout], longer, count + own, place
    if found is None or layers[0].features > 2 * sum(layer.units for layer in layers):
        return stages[0], 1
    joined = JoinedDense(layers, dropouts, *found)
    return (stages[0][0], joined, stages[0][2], stages[count - 1][3]), count


def _describe(stages):
    """The dense layer that comes first, with what belongs to it: itself, its dropout, the number of its stages."""
    layers = [layer for _, layer, _, _ in stages[:3]] + [None, None]
    dense, code, count = layers[0], None, 1
    if type(dense) is Dense and not dense.penalizes and len(dense.input_shape) == 2:
        code = _code(dense)
    if code is None:
        return None
    if code == LINEAR and type(layers[1]) in (Activation, ReLU) and _code(layers[1]) is not None:
        code, count = _code(layers[1]), 2
    own = dense.input_shape[-1], dense.units, dense.use_bias, code
    dropout = layers[count]
    if type(dropout) is Dropout and dropout.noise_shape is None and dropout.rate > 0:
        return DenseLayer(*own, *threshold_and_scale(dropout)), (stages[count][0], dropout), count + 1
    return DenseLayer(*own), None, count


def _code(layer):
    """The number of the layer's activation in compiled code; None for others."""
    activation = layer.activation
    if type(activation) is activations.ReLU:
        return RELU if activation.plain else None
    return CODES.get(type(activation))


def _place(parameters, packs):
    """The values and gradients of the parameters, if they follow one another in a pack."""
    wanted = list(map(id, parameters))
    for pack in packs:
        present = list(map(id, pack.parameters))
        start = present.index(wanted[0]) if wanted[0] in present else 0
        stop = start + len(wanted)
        if present[start:stop] == wanted:
            segment = slice(pack.segments[start].start, pack.segments[stop - 1].stop)
            return pack.values[segment], pack.gradients[segment]
    return None
