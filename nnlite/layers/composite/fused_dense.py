"""Consecutive dense layers, with activations and dropout, trained as one stage of a chain."""

from collections.abc import Iterator, Sequence
from typing import Any, NoReturn

import numpy as np

from nnlite import kernels
from nnlite.errors import ShapeError
from nnlite.jacobians import Bundle
from nnlite.kernels.reference.dense import LINEAR, DenseLayer, DenseRoom
from nnlite.layers.base.simplified import DenseActivation, DenseDropout, DenseScale
from nnlite.layers.composite.chain import Chain
from nnlite.layers.composite.program import Program, ProgramStage
from nnlite.layers.regularization.dropout import Dropout, random_bits, threshold_and_scale
from nnlite.parameters import Pack, Parameter, RowPack
from nnlite.random import RandomSource

__all__ = ["join_dense"]

ROOMS_KEPT = 4  # for full and for last batches, of training and of validation


def join_dense(program: Program, packs: Sequence[Pack | RowPack]) -> Program:
    """A training program: `program` with consecutive dense layers joined into one stage.

    It computes what the layers compute, up to rounding, and writes their gradients; it holds no Jacobian of each.
    Dropout inside takes its random bits example after example for each unit (of each member of an ensemble), in place
    of unit after unit.
    Each layer says by `_dense_part` what it would be there: a dense layer, a learned factor per feature before it, an
    activation or dropout after it. Frozen layers, layers with a penalty on their activities and layers with
    their own `linearize` or `call` stay as they are.

    Args:
        program: one without a `line`, such as a graph that branches, is returned as it is.
        packs: the `Pack`s that its trained parameters live in.
    """
    if program.line is None:
        return program
    stages, waiting = [], list(program.line)
    while waiting:
        stage, count = _join_first(waiting, packs)
        stages.append(stage)
        del waiting[:count]
    return Chain.of_stages(stages)


class JoinedDense:
    """Several dense layers as one stage: `linearize` runs them all, `vjp` of its result writes all gradients.

    Shape: `(batch, features) -> (batch, units)`, features of the first layer, units of the last; for an ensemble
    `(batch, members, features) -> (batch, members, units)`, a view of `(members, batch, units)`.

    Args:
        layers: a `DenseLayer` for each.
        parameters: those of all layers, in order.
        dropouts: for each the index of the `Dropout` after it in the chain and that layer, or None.
        values, gradients: the part of a pack that their parameters fill.

    Raises:
        ShapeError: inputs of another shape, or not of floating-point type; compiled code would not notice.
    """

    _keeps_mask: bool = True
    name: Any = None

    def __init__(
        self,
        layers: list[DenseLayer],
        parameters: list[Parameter],
        dropouts: list[tuple[int, Dropout] | None],
        values: np.ndarray,
        gradients: np.ndarray,
    ):
        self.layers, self.dropouts, self.values, self.gradients = layers, dropouts, values, gradients
        members, features = layers[0].members, layers[0].features
        self.row_shape = (features,) if members is None else (members, features)
        self.parameters = parameters
        self.by_parameters = tuple([parameter.gradient for parameter in parameters])
        self._context: tuple[str, ...] = ("source",) if any(dropouts) else ()
        self.room: Any = None  # the `DenseRoom` of the last batch
        self._rooms: dict[tuple[int, bool], DenseRoom] = {}

    def linearize(
        self, inputs: np.ndarray, *parameters: np.ndarray, source: RandomSource | None = None
    ) -> "tuple[np.ndarray, JoinedJacobians]":
        """The output and the Jacobians, at the parameters' values in the pack.

        Args:
            source: what the whole chain draws from; None drops nothing.
        """
        if inputs.shape[1:] != self.row_shape or inputs.dtype.kind != "f":
            needed = f"an array of shape (batch, {', '.join(map(str, self.row_shape))}) and floating-point type"
            raise ShapeError(f"the dense layers need {needed}, got {inputs.shape} and {inputs.dtype}")
        self.room = self.room_for(len(inputs), source is not None)
        if source is not None:
            self.draw(source)
        outputs = rows_second(kernels.dense_forward(self.room, inputs).copy())
        examples, self.room.examples = self.room.examples, None  # they may be part of a large array
        return outputs, JoinedJacobians(self.room, self.by_parameters, examples)

    def update_state(self, state: tuple) -> None:
        """No effect: dense layers and dropout have no state."""

    def room_for(self, rows: int, drops: bool) -> DenseRoom:
        """Memory for this many rows, with or without dropout; some are cached, since the last batch is shorter."""
        drops = drops and any(self.dropouts)
        room = self._rooms.get((rows, drops))
        if room is None:
            if len(self._rooms) == ROOMS_KEPT:
                del self._rooms[next(iter(self._rooms))]
            layers = self.layers if drops else [layer._replace(threshold=None, scale=1.0) for layer in self.layers]
            room = self._rooms[rows, drops] = DenseRoom(layers, rows, self.values, self.gradients, in_place=True)
        return room

    def draw(self, source: RandomSource) -> None:
        """Fill the room of the last batch with random bits, and set the current dropout rate."""
        for position, (dropout, bits) in enumerate(zip(self.dropouts, self.room.bits, strict=True)):
            if dropout is not None:
                index, layer = dropout
                bits[...] = random_bits(layer, source.child(index), bits.shape)
                if layer.schedules:
                    self.room.set_dropout(position, *threshold_and_scale(layer.rate_at(source.step)))


class JoinedJacobians(Bundle):
    """The Jacobians of a `JoinedDense`: a single pass back through all layers, for a training step.

    Args:
        room: where the layers ran.
        by_parameters: the views of the pack in which the gradients of the parameters are written.
        examples: the inputs, if the room reads them in place.
    """

    __slots__ = ("by_parameters", "examples", "room")

    def __init__(self, room: Any, by_parameters: tuple, examples: np.ndarray | None) -> None:
        self.room, self.by_parameters, self.examples = room, by_parameters, examples

    @property
    def mixes_rows(self) -> bool:
        return False

    def vjp(self, cotangent: np.ndarray, wanted: tuple | None = None, into: tuple | None = None) -> tuple:
        """As `Bundle.vjp`, without seed axes; all gradients always go to the pack, and `into` is ignored.

        It belongs to the last run forward: the next one writes over what it reads.
        """
        self.room.examples = self.examples
        by_inputs = self.room.backward(self.room, rows_second(cotangent), wanted is None or wanted[0])
        self.room.examples = None
        return (None if by_inputs is None else rows_second(by_inputs), *self.by_parameters)

    def jvp(self, *tangents: np.ndarray | None) -> NoReturn:
        self.refuse("jvp")

    def per_example(self, cotangent: np.ndarray, wanted: tuple | None = None, into: tuple | None = None) -> NoReturn:
        self.refuse("per_example")

    def parts(self) -> tuple:
        """Empty: there are no maps of single layers."""
        return ()

    def stored(self) -> Iterator[np.ndarray]:
        """The memory that the layers run in."""
        yield self.room.memory

    def __len__(self) -> int:
        return 1 + len(self.by_parameters)

    def __getitem__(self, index: int) -> NoReturn:
        self.refuse("map of a single input")

    def __repr__(self) -> str:
        return f"JoinedJacobians(rows={self.room.rows}, layers={len(self.room.layers)})"


def rows_second(array: np.ndarray) -> np.ndarray:
    """`(batch, members, features)` with the first two axes swapped, in either direction; a matrix is unchanged."""
    return array if array.ndim == 2 else array.swapaxes(0, 1)


def _join_first(stages: list[ProgramStage], packs: Sequence[Pack | RowPack]) -> tuple[ProgramStage, int]:
    """The first stage, joined with those that follow if it can be, and how many stages it stands for."""
    layers, dropouts, parameters, count, views = [], [], [], 0, None
    while count < len(stages) and (described := _describe(stages[count:])):
        layer, dropout, stage_count = described
        following = stages[count : count + stage_count]
        longer = [*parameters, *(parameter for stage in following for parameter in stage.layer.parameters)]
        longer_views = _views(longer, packs)
        if longer_views is None:
            break
        layers, dropouts, count = [*layers, layer], [*dropouts, dropout], count + stage_count
        parameters, views = longer, longer_views
    if views is None:
        return stages[0], 1
    joined = JoinedDense(layers, parameters, dropouts, *views)
    return ProgramStage(stages[0].index, joined, stages[0].start, stages[count - 1].stop), count


def _describe(stages: list[ProgramStage]) -> tuple[DenseLayer, tuple[int, Any] | None, int] | None:
    """The dense layer that comes first, with what belongs to it: itself, its dropout, the number of its stages."""
    layers: list[Any] = [stage.layer for stage in stages[:4]]  # not joined yet, so that each is a `Layer`
    parts = [*(None if layer._penalizes else layer._dense_part() for layer in layers), None, None]
    scale = parts.pop(0) if isinstance(parts[0], DenseScale) else None
    dense, count = parts[0], 1
    if not isinstance(dense, DenseLayer) or (scale and scale != (dense.features, dense.members)):
        return None
    if dense.activation == LINEAR and isinstance(parts[1], DenseActivation):
        dense, count = dense._replace(activation=parts[1].code), 2
    dropout, before = parts[count], scale is not None
    dense = dense._replace(scaled=before)
    if isinstance(dropout, DenseDropout):
        stage = stages[count + before]
        return dense._replace(**dropout._asdict()), (stage.index, stage.layer), count + before + 1
    return dense, None, count + before


def _views(parameters: list[Parameter], packs: Sequence[Pack | RowPack]) -> tuple[np.ndarray, np.ndarray] | None:
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
