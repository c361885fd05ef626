"""Steps of a model of consecutive dense layers, one or many of them per call of compiled code."""

import math
from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from nnlite import kernels
from nnlite.jacobians import ChainJacobians
from nnlite.kernels import DenseRoom
from nnlite.kernels.reference.forms import LossForm, Standing, UpdateForm
from nnlite.layers.base.simplified import Affine, Unchanged, View
from nnlite.layers.composite.fused_dense import ROOMS_KEPT, JoinedDense
from nnlite.layers.composite.program import ProgramStage
from nnlite.layers.regularization.dropout import random_bits, threshold_and_scale
from nnlite.losses.classification import smoothed
from nnlite.losses.members import MemberLoss
from nnlite.optimizers.base.forms import clip_form, knows_rates, stretches_of, turns_ahead
from nnlite.optimizers.base.slots import AVERAGE, FLUSH_PERIOD, GRADIENT_SUM
from nnlite.random import RandomSource
from nnlite.threads import SMALL_PRODUCT, several_threads, suited_threads
from nnlite.training.joint.copies import MemberCopies, is_multiplied
from nnlite.training.joint.front import Front, can_learn_apart
from nnlite.training.joint.loop import DenseLoop, known_form
from nnlite.training.safety.divergence import NotFinite

if TYPE_CHECKING:
    from nnlite.training.train_step import Steps

__all__ = ["DenseSteps"]

# What one call takes at most: inputs that stay in the cache until they are used, as many outputs, which wait for the
# metrics, and a few milliseconds, so that whoever interrupts the training is answered.
CALL_BYTES, CALL_PRODUCTS = 2**20, 2**28
NARROW = 64 * 64  # weights of a layer, up to which one call is quicker than layers one by one with any number of rows
FEW_PRODUCTS = 10**6  # multiply-adds, up to which products are not made in pieces
NO_PENALTIES, NO_BITS = np.empty((0, 4)), np.empty((FLUSH_PERIOD, 1, 0), np.uint16)
NO_DROPS, NEVER_DROPS = np.empty((FLUSH_PERIOD, 0, 2)), (-1, 1.0)
NO_COPIES = np.empty((0, 5), np.int64), np.empty(0)


class Plan(NamedTuple):
    """Numeric codes of loss and optimizer for compiled code."""

    run: Callable[..., int]
    loss: LossForm
    update: UpdateForm


class DenseSteps:
    """`Steps.train` by compiled code, if that supports all components, else in a `DenseLoop` with NumPy's kernels.

    The former are one `JoinedDense` whose parameters are all that are trained, possibly after layers that scale, shift
    or reshape each row, penalties of absolute values and squares, a loss with a `step_form`, and an optimizer with an
    `update_form`. Members side by side are trained so by `fit(folds=...)`.

    Where layers before it learn too, and its kernels are copied anyway, it takes one step at a time, without penalties:
    compiled code goes from the inputs of the dense layers to the loss and back, and updates all parameters afterwards.

    Args:
        steps: those of the model.
        line: its layers, the dense ones joined as the last stage.
    """

    def __init__(self, steps: "Steps", line: list[ProgramStage]) -> None:
        *before, (_, stage, _, _) = line
        assert isinstance(stage, JoinedDense)
        values = steps.trainer.model.values
        self.steps, self.stage = steps, stage
        self.front = None if stage.values.size == steps.store.size else Front(steps, before)
        self.before = [] if self.front else [(piece.layer, values[piece.start : piece.stop]) for piece in before]
        self.packs, self.dtype = steps.store.packs, stage.values.dtype
        self.features, self.units = stage.layers[0].features, stage.layers[-1].units
        self.members = stage.layers[0].members
        self.products = 3 * (self.members or 1) * sum(layer.features * layer.units for layer in stage.layers)
        start = steps.store.size - stage.values.size
        self.copies = MemberCopies(stage, start) if self.members or any(map(is_multiplied, stage.layers)) else None
        self.scheduled = any(drop is not None and drop[1].schedules for drop in stage.dropouts)
        narrow = max(layer.features * layer.units for layer in stage.layers) <= NARROW
        self.most_rows = math.inf if narrow else steps.joined_rows
        self.segments = np.array([(part.start, part.stop) for part in self.packs[0].segments])
        self.nothing, self.ones = np.empty(0, stage.values.dtype), np.empty((0, 0), stage.values.dtype)
        self.no_slopes = np.empty((0, 0, 0), stage.values.dtype)
        self.loop = DenseLoop.of(steps)
        # By room: what its table was made for, the table, and what lies at its addresses.
        self._tables: dict[int, tuple[Any, np.ndarray, tuple[Any, ...]]] = {}

    @classmethod
    def of(cls, steps: "Steps") -> "DenseSteps | None":
        """The compiled steps of a model; None if it is not supported."""
        line = steps.joined.program.line
        stage: Any = line[-1].layer if line else None
        if not line or not isinstance(stage, JoinedDense) or stage.values.dtype.char not in "fd":
            return None
        further = steps.constrained or steps.penalized or len(steps.store.packs) > 1
        if stage.values.size == steps.store.size:
            whole = all(_is_by_row(member.layer) for member in line[:-1])
        else:
            whole = can_learn_apart(steps, line)
        penalties_are_known = all(parameter.regularizer.strengths() is not None for parameter in steps.regularized)
        return cls(steps, line) if whole and penalties_are_known and not further else None

    def plan(self) -> Plan | None:
        """Plan of the next call; None if compiled code does not support it."""
        run, loss, optimizer = kernels.dense_steps(), self.steps.trained_loss, self.steps.optimizer
        if self.members:
            loss = loss.whole if isinstance(loss, MemberLoss) else None
        if run is None or not knows_rates(optimizer):
            return None
        loss_form, update_form = known_form(loss, self.dtype), optimizer.update_form()
        return None if loss_form is None or update_form is None else Plan(run, loss_form, update_form)

    def together(self, batch_size: int) -> int:
        """Number of batches of this size in the next call, which ends where the optimizer maintains its slots."""
        if self.front or batch_size > self.most_rows:
            return 1
        row = max(self.features, self.units) * self.stage.values.itemsize * (self.members or 1)
        most = min(CALL_BYTES // (batch_size * row), CALL_PRODUCTS // (batch_size * self.products))
        return max(min(most, FLUSH_PERIOD - self.steps.optimizer.batches % FLUSH_PERIOD), 1)

    def train(self, x: Any, y: Any, sample_weight: Any, batch_size: int | None) -> tuple[float, np.ndarray] | None:
        """The steps, as `Steps.train`; the last one may have fewer rows. None if none is supported."""
        plan, inputs = self.plan(), x
        if not isinstance(x, np.ndarray) or x.dtype.kind != "f":
            return None
        if plan is None:
            return self.loop and self.loop.train(x, self._enter(x)[0], y, sample_weight, batch_size)
        x, jacobians = self._enter(x)
        if not self._fits(plan, x, y, sample_weight, batch_size, jacobians):
            return None
        rows = len(x)
        size = rows if batch_size is None else min(batch_size, rows)
        arrays, weighted, self.steps.mask = self._arrays(plan, x, y, sample_weight), sample_weight is not None, None
        full, outputs = rows - rows % size, arrays[-1].swapaxes(0, 1) if self.members else arrays[-1][0]
        if full == rows:
            return size * self._train(plan, arrays, inputs, size, weighted, jacobians) / rows, outputs
        cut = [[np.ascontiguousarray(array[:, part]) for array in arrays] for part in (slice(full), slice(full, rows))]
        total = size * self._train(plan, cut[0], inputs, size, weighted)
        total += (rows - full) * self._train(plan, cut[1], inputs[full:], rows - full, weighted)
        outputs = np.concatenate([cut[0][-1], cut[1][-1]], axis=1)
        return total / rows, outputs.swapaxes(0, 1) if self.members else outputs[0]

    def _enter(self, x: np.ndarray) -> tuple[Any, ChainJacobians | None]:
        """The inputs of the dense layers, and the Jacobians of what learns before them."""
        if self.front is not None:
            return self.front.run(x)
        for layer, values in self.before:
            x = layer.linearize(x, *values)[0]
        return x, None

    def _fits(
        self, plan: Plan, x: Any, y: Any, sample_weight: Any, batch_size: int | None, jacobians: ChainJacobians | None
    ) -> bool:
        """Whether compiled code can read these arrays, of a batch or, with nothing that learns before, of several."""
        if jacobians is not None and (jacobians.mask is not None or len(x) > (batch_size or len(x))):
            return False
        rows = (len(x), self.members) if self.members else (len(x),)
        kind, shape = ("iu", rows) if plan.loss.by_class else ("f", (*rows, self.units))
        fits = isinstance(y, np.ndarray) and y.shape == shape and y.dtype.kind in kind
        few = 0 < (batch_size or len(x)) <= self.most_rows
        weighs = sample_weight is None or sample_weight.shape == rows
        return fits and few and weighs and x.shape == (*rows, self.features)

    def _arrays(self, plan: Plan, x: Any, y: Any, sample_weight: Any) -> list[np.ndarray]:
        """Inputs, targets, weights, and room for outputs, with members first."""
        shape = (self.members or 1, len(x))
        weights = self._ones(shape) if sample_weight is None else self._members_first(sample_weight, self.dtype)
        smooth = smoothed(y, plan.loss.smoothing, plan.loss.outcomes or self.units)
        targets = self._members_first(smooth, np.dtype(np.intp) if plan.loss.by_class else self.dtype)
        return [self._members_first(x, self.dtype), targets, weights, np.empty((*shape, self.units), self.dtype)]

    def _members_first(self, array: np.ndarray, dtype: np.dtype) -> np.ndarray:
        return np.ascontiguousarray(array.swapaxes(0, 1) if self.members else array[None], dtype)

    def _train(
        self,
        plan: Plan,
        arrays: list[np.ndarray],
        inputs: Any,
        size: int,
        weighted: bool,
        jacobians: ChainJacobians | None = None,
    ) -> float:
        """Steps with this many rows each; the sum of their losses."""
        steps, stage, optimizer = self.steps, self.stage, self.steps.optimizer
        x, y, weights, outputs = arrays
        count = x.shape[1] // size
        room = stage.room_for(size, steps.draws) if self.copies is None else self.copies.room_for(size, steps.draws)
        optimizer.build_packs(self.packs)
        (slots,), (factors,) = optimizer.slots, optimizer._factors
        turns = turns_ahead(optimizer, count, self._scales(plan, size, count, weights if weighted else None))
        large, small = room.largest_product > FEW_PRODUCTS, room.largest_product < SMALL_PRODUCT
        shared = large and several_threads()
        table = self._table(plan, room, slots, factors, large and (small or not shared))
        by_inputs = self.no_slopes if jacobians is None else np.empty_like(x)
        arguments = x, y, weights, turns, table, *self._drawn(room, count, size), outputs, by_inputs
        if shared:  # outside of a `fit`, which has the threads that suit it: a second one may wait for a core each time
            with suited_threads(room.largest_product):
                done = plan.run(*arguments)
        else:
            done = plan.run(*arguments)
        if jacobians is None:
            optimizer.count_batches(self.packs, done)
        if done < count:
            raise NotFinite(turns[done, -1].item(), inputs[done * size : (done + 1) * size], done)
        if jacobians is not None:
            assert self.front is not None
            by_inputs = by_inputs.swapaxes(0, 1) if self.members else by_inputs[0]
            self.front.leave(steps, jacobians, by_inputs, partial(kernels.dense_update(), turns, table, x))
        return turns.item(-1) if count == 1 else sum(turns[:, -1].tolist())

    def _table(
        self, plan: Plan, room: DenseRoom, slots: dict[str, np.ndarray], factors: Any, apart: bool
    ) -> np.ndarray:
        """The table of everything constant between calls; a new one if any of it has changed."""
        optimizer, guarded, update = self.steps.optimizer, self.steps.guarded, plan.update
        batches = optimizer.gradient_accumulation_steps or 1
        limits = optimizer.clipvalue, optimizer.clipnorm, optimizer.global_clipnorm
        strengths = self._strengths() if self.steps.regularized else None
        numbers = plan.loss.code, guarded, apart, update, limits, batches, strengths
        key = id(factors), [*map(id, slots.values())], numbers
        entry = self._tables.get(id(room))
        if entry is None or entry[0] != key:
            code, names, constants = update
            way, limit = clip_form(optimizer)
            (pack,), nothing, copies = self.packs, self.nothing, self.copies
            vectors = (pack.values, pack.gradients, room.values, room.gradients, room.memory, room.scales)
            slots_of_update = (*[slots[name] for name in names], nothing, nothing)[:2]
            places, kernels_by = NO_COPIES if copies is None else copies.places
            parts = (
                *(*vectors, *slots_of_update, slots.get(AVERAGE, nothing), slots.get(GRADIENT_SUM, nothing)),
                *(kernels_by, np.array([*constants, limit]), stretches_of(factors, pack.values.size)),
                *(self._penalties(), places, room.plan, self.segments),
                *(plan.loss.code, guarded, apart, code, way, batches),
            )
            standing = Standing._make(parts)
            if entry is None and len(self._tables) == ROOMS_KEPT:
                del self._tables[next(iter(self._tables))]
            entry = self._tables[id(room)] = key, standing.table(), (standing, room, factors, list(slots.values()))
        return entry[1]

    def _drawn(self, room: DenseRoom, count: int, size: int) -> tuple[np.ndarray, np.ndarray]:
        """Of each step the random bits of dropout of each member, and what is dropped where schedules say it."""
        members, stage = self.members or 1, self.stage
        if not self.steps.draws:
            return NO_BITS if self.members is None else np.empty((count, members, 0), np.uint16), NO_DROPS
        bits = np.empty((count, members, room.all_bits.size), np.uint16)
        drops = np.full((count, len(stage.layers), 2), NEVER_DROPS) if self.scheduled else NO_DROPS
        for step in range(count):
            source, start = RandomSource(self.steps.seed, self.steps.optimizer.batches + step), 0
            for position, (dropout, layer) in enumerate(zip(stage.dropouts, stage.layers, strict=True)):
                if dropout is not None:
                    index, layer_drops = dropout
                    stop = start + size * layer.units
                    bits[step, :, start:stop] = random_bits(layer_drops, source.child(index), (members, stop - start))
                    start = stop
                    if self.scheduled:
                        drops[step, position] = threshold_and_scale(layer_drops.rate_at(source.step))
        return bits, drops

    def _scales(self, plan: Plan, size: int, count: int, weights: np.ndarray | None) -> Any:
        """Factor of the sum of the losses of each step: one of all, or an array of several."""
        loss, share = self.steps.trained_loss, plan.loss.factor / (self.units if plan.loss.averages else 1)
        if self.members:
            return loss.scale(size) * loss.whole.sum_factor(size, None) * share
        if count == 1 or weights is None or loss.reduction != "mean_with_sample_weight":
            return loss.sum_factor(size, weights) * share
        return np.array([loss.sum_factor(size, part) for part in weights.reshape(count, size)]) * share

    def _strengths(self) -> list[tuple[float, float] | None]:
        """`(l1, l2)` of each parameter that is penalized."""
        return [parameter.regularizer.strengths() for parameter in self.steps.regularized]

    def _penalties(self) -> np.ndarray:
        """`(start, stop, l1, l2)` of the penalized stretches."""
        if not self.steps.regularized:
            return NO_PENALTIES
        pairs = zip(self.packs[0].parameters, self.packs[0].segments, strict=True)
        strengths_of = [
            (part, parameter.regularizer.strengths()) for parameter, part in pairs if parameter.regularizer is not None
        ]
        return np.array(
            [(part.start, part.stop, *strengths) for part, strengths in strengths_of if strengths], np.float64
        )

    def _ones(self, shape: tuple[int, int]) -> np.ndarray:
        if self.ones.shape != shape:
            self.ones = np.ones(shape, self.dtype)
        return self.ones


def _is_by_row(layer: Any) -> bool:
    """Whether a layer scales, shifts or reshapes each row, always in the same way."""
    return not layer._context and isinstance(layer.at_inference(), Affine | Unchanged | View)
