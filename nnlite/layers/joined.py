"""Dense layers in a row, with their activations and dropouts, trained as one stage of a chain."""

from nnlite import kernels
from nnlite.errors import ShapeError
from nnlite.kernels.dense import LINEAR, RELU, SIGMOID, TANH, DenseLayer, DenseRoom
from nnlite.layers.activations import Activation, ReLU
from nnlite.layers.chain import Chain
from nnlite.layers.core import Dense
from nnlite.layers.regularization import Dropout, random_bits, threshold_and_scale
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

    Args:
        layers: a `DenseLayer` for each.
        dropouts: for each its place in the chain and the `Dropout` after it, or None.
        values, gradients: the part of a pack that their parameters fill.
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
    dense, *after = [layer for _, layer, _, _ in stages[:3]]
    if type(dense) is not Dense or dense.penalizes or len(dense.input_shape) != 2 or _code(dense) is None:
        return None
    code = _code(dense)
    if code == LINEAR and after and type(after[0]) in (Activation, ReLU) and _code(after[0]) is not None:
        code = _code(after.pop(0))
    count, threshold, scale, dropout = len(stages[:3]) - len(after), None, 1.0, None
    if after and type(after[0]) is Dropout and after[0].noise_shape is None and after[0].rate > 0:
        threshold, scale = threshold_and_scale(after[0])
        dropout, count = (stages[count][0], after[0]), count + 1
    return DenseLayer(dense.input_shape[-1], dense.units, dense.use_bias, code, threshold, scale), dropout, count


def _code(layer):
    """The number of the layer's activation in compiled code; None for others."""
    activation = layer.activation
    if type(activation) is activations.ReLU:
        return RELU if activation.get_config() == activations.ReLU().get_config() else None
    return CODES.get(type(activation))


def _place(parameters, packs):
    """The values and gradients of the parameters, if they follow one another in a pack."""
    for pack in packs:
        for start, first in enumerate(pack.parameters):
            if first is parameters[0]:
                stop = start + len(parameters)
                same = all(map(lambda own, other: own is other, pack.parameters[start:stop], parameters))
                if not same or stop > len(pack.parameters):
                    return None
                segment = slice(pack.segments[start].start, pack.segments[stop - 1].stop)
                return pack.values[segment], pack.gradients[segment]
    return None
