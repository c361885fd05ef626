"""One step of training, testing or prediction, with everything constant looked up in advance."""

import math
from math import isfinite
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from nnlite.data.batches import count_rows
from nnlite.jacobians import add_penalties, penalized_parts
from nnlite.kernels import flush, keep_freed_memory
from nnlite.layers.base.call import layers_within, moves_on
from nnlite.layers.composite.fused_dense import JoinedDense, join_dense
from nnlite.layers.composite.program import Program
from nnlite.ops import Softmax
from nnlite.optimizers.base.slots import FLUSH_PERIOD
from nnlite.parameters import Lease, Parameter, ParameterStore
from nnlite.random import RandomSource
from nnlite.training.joint.dense_steps import DenseSteps
from nnlite.training.parameter_names import parameter_names
from nnlite.training.safety.divergence import NotFinite
from nnlite.training.tables import Tables

if TYPE_CHECKING:
    from nnlite.training.trainer import Trainer

# With more rows the products of layers one by one are quicker: up to a tenth of a step at 1,024 rows. Those of an
# ensemble are stacks either way, and joined it takes 0.8 to 0.95 of the time with any number of rows, unless its inputs
# are so wide that copying them takes longer. Dropout draws its bits in another order where it is joined, and which ones
# it draws should not depend on the number of rows.
JOINED_ROWS = 256


class Plan(NamedTuple):
    """A program with the data that its steps share.

    Attributes:
        program: what is run.
        values: the parameters' arrays, as `Program.group` cuts them.
        gradients: where gradients go, as `Program.plan` says.
    """

    program: Program
    values: list[tuple[np.ndarray, ...]]
    gradients: Any


class Steps:
    """The steps of one compiled model.

    A final softmax or sigmoid that fits the loss is left out while training: the loss is computed from its inputs,
    the logits, which is exact where probabilities would have been rounded to 0 or 1.

    Args:
        trainer: of a model that is built and compiled.
        join: whether dense layers in a row are trained as one stage.

    Attributes:
        loss, trained_loss: of raw outputs, while testing and while training; they differ within `fit(folds=...)` alone.
        members: of how many models the latter is the loss, whose penalties are shared among them.
        guarded: whether a loss that is not finite is `NotFinite`, before weights are changed by it.
        mask: that of the outputs of the last batch.
        ends_in_softmax: whether predictions are probabilities of classes whose logits are the raw outputs.
        layered, joined: what is trained with many rows and with few: the layers one by one, or joined.
        whole: carries out whole steps, several in a call, of dense layers in a row; None for other models.
        tables: those whose gradients may stay rows; None if there are none.
    """

    def __init__(self, trainer: "Trainer", join: bool = True):
        model = trainer.model
        self.trainer, self.compiled_loss = trainer, trainer.loss
        self.seed = model.seed
        assert trainer.optimizer is not None  # the model is compiled
        self.optimizer = trainer.optimizer
        self.parameters = model.parameters
        trainable = trained_weights(model)
        paths = dict(zip(map(id, self.parameters), parameter_names(model, "/"), strict=True))
        self.store = ParameterStore(trainable, [paths[id(parameter)] for parameter in trainable])
        self.moves_on = moves_on(model)
        self.has_state = any(parameter.is_state for parameter in self.parameters)
        self.regularized: list[Any] = [parameter for parameter in trainable if parameter.regularizer is not None]
        self.constrained = [parameter for parameter in trainable if parameter.constraint is not None]
        self.chain, self.loss, self.activation = model._until_loss(trainer.loss)
        self.ends_in_softmax = isinstance(self.activation, Softmax) and self.activation.along_last_axis
        arrays = model.values
        self.lease = Lease(self.parameters)
        trained = {id(parameter) for parameter in trainable}
        wanted = [id(parameter) in trained for parameter in self.parameters]
        into = [weight.gradient if want else None for weight, want in zip(self.parameters, wanted, strict=True)]
        joined = join_dense(self.chain, self.store.packs) if join else self.chain
        self.layered, self.joined = (
            Plan(program, program.group(arrays), program.plan(wanted, into)) for program in (self.chain, joined)
        )
        self.penalized, self.draws = penalizes(model), any("random" in layer._context for layer in model.layers)
        self.joined_rows = math.inf if self.draws or _is_narrow_ensemble(self.joined.program) else JOINED_ROWS
        self.members, self.trained_loss, self.guarded, self.mask = 1, self.loss, False, None
        self.whole = DenseSteps.of(self) if join else None
        self.tables = Tables.of(self) if join else None
        keep_freed_memory()

    @property
    def current(self) -> bool:
        """Whether these are still the steps of the trainer.

        Not so where another model has taken shared layers over, or an optimizer or a loss was assigned.
        """
        trainer = self.trainer
        assigned = self.optimizer is not trainer.optimizer or self.compiled_loss is not trainer.loss
        return not (assigned or self.lease.ended)

    def train(
        self, x: Any, y: Any, sample_weight: np.ndarray | None = None, batch_size: int | None = None
    ) -> tuple[float, Any]:
        """Forward, loss, backward, regularize, update, constrain; returns the loss and the raw outputs.

        Args:
            batch_size: rows of one step, where there are those of several, as `together` allows: the loss is the mean
                of theirs then.
        """
        trained = None if self.whole is None else self.whole.train(x, y, sample_weight, batch_size)
        if trained is not None:
            return trained
        if batch_size is not None and count_rows(x) > batch_size:
            return self._one_by_one(x, y, sample_weight, batch_size)
        random = RandomSource(self.seed, self.optimizer.batches) if self.draws else None
        program, values, plan = self._suited(x)
        outputs, jacobians = program.run(x, values, True, random)
        self.mask = jacobians.mask
        value, by_outputs = self.trained_loss.linearize(y, outputs, sample_weight, self.mask)
        if self.penalized:
            value += add_penalties(self._keeping_terms(jacobians)) / self.members
        by_rows = self.tables is not None and self.optimizer.takes_rows()
        if self.tables is not None:
            self.tables.forget()
            plan = self.tables.plan_of(program) if by_rows else plan
        program.backward(jacobians, by_outputs.gradients, plan)
        for parameter in self.regularized:
            value += parameter.regularizer.penalty(parameter.value) / self.members
            parameter.regularizer.add_gradient(parameter.value, parameter.gradient)
        if self.guarded and not isfinite(value):
            raise NotFinite(value, x)
        if by_rows and self.tables is not None:
            self.optimizer.take_rows(self.tables.tables)
        self.optimizer.apply_packs(self.store.packs)
        for parameter in self.constrained:
            parameter.constrain()
        if self.has_state:
            self.update_averages(program, jacobians.state)
        return value, outputs

    def update_averages(self, program: Program, state: Any) -> None:
        """Store the new state of layers after a step, such as moving averages."""
        program.update_state(state)
        if not self.optimizer.batches % FLUSH_PERIOD:
            self._flush_averages()

    def _one_by_one(
        self, x: np.ndarray, y: np.ndarray, sample_weight: np.ndarray | None, batch_size: int
    ) -> tuple[float, np.ndarray]:
        """The batches that `together` allowed for one call, and that `whole` does not take after all."""
        total, outputs = 0.0, []
        for start in range(0, len(x), batch_size):
            rows = slice(start, start + batch_size)
            weights = None if sample_weight is None else sample_weight[rows]
            try:
                value, part = self.train(x[rows], y[rows], weights)
            except NotFinite as failure:
                failure.before = len(outputs)
                raise
            total += value * len(part)
            outputs.append(part)
        return total / len(x), np.concatenate(outputs)

    def together(self, batch_size: int) -> int:
        """Number of batches of this size that the next call of `train` may take at once."""
        return 1 if self.whole is None else self.whole.together(batch_size)

    def _flush_averages(self) -> None:
        """Let what has faded to next to nothing in moving averages be 0, as optimizers do with their slots."""
        for parameter in self.parameters:
            if parameter.is_state and parameter.dtype.kind == "f":
                flush(parameter.value.reshape(-1))

    def test(self, x: Any, y: Any, sample_weight: Any = None) -> tuple[float, Any]:
        """Forward and loss without training; returns the loss and the raw outputs. Stateful layers continue."""
        value, outputs, jacobians = self._tested(x, y, sample_weight)
        if self.moves_on:
            self._suited(x).program.update_state(jacobians.state)
        return value, outputs

    def validate(self, x: Any, y: Any, sample_weight: Any = None) -> tuple[float, Any]:
        """As `test`, but stateful layers keep the states of training."""
        return self._tested(x, y, sample_weight)[:2]

    def _tested(self, x: Any, y: Any, sample_weight: Any) -> tuple[float, Any, Any]:
        program, values, _ = self._suited(x)
        outputs, jacobians = program.run(x, values)
        self.mask = jacobians.mask
        value, _ = self.loss.linearize(y, outputs, sample_weight, self.mask)
        if self.penalized:
            value += sum(part.penalty for part in penalized_parts(self._keeping_terms(jacobians)))
        return value + sum(p.regularizer.penalty(p.value) for p in self.regularized), outputs, jacobians

    def _keeping_terms(self, jacobians: Any) -> Any:
        """`jacobians`, the terms of the loss in which `model.losses` shows from now on."""
        model = self.trainer.model
        model._losses = tuple([part.penalty for part in penalized_parts(jacobians)])
        return jacobians

    def without_tables(self) -> None:
        """Have the gradients of all rows of each table from now on."""
        if self.tables is not None:
            self.tables.forget()
        self.tables = None

    def put_averages(self) -> None:
        """Swap in the averages that the optimizer keeps."""
        self.optimizer.put_averages(self.store.packs)

    def outputs(self, x: Any) -> Any:
        """The raw outputs without training."""
        program, values, _ = self._suited(x)
        return program.run(x, values)[0]

    def _suited(self, x: Any) -> Plan:
        """The fastest program for a batch of this many rows."""
        return self.joined if count_rows(x) <= self.joined_rows else self.layered

    def predictions(self, outputs: Any) -> Any:
        """Predictions of the model, from the raw outputs of a step."""
        return outputs if self.activation is None else self.activation(outputs)


def trained_weights(model: Any) -> list[Parameter]:
    """The weights that the program of a model trains: not those of layers beside a graph, which only its steps use."""
    inside = set(map(id, model.parameters))
    return [weight for weight in model.trainable_weights if weight.size and id(weight) in inside]


def penalizes(layer: Any) -> bool:
    """Whether the loss has an activity penalty of this layer, or of one inside it."""
    return layer._penalizes or any(inner._penalizes for inner in layers_within(layer))


def adds_to_loss(model: Any) -> bool:
    """Whether there is a loss without that of `compile`: terms of layers, or penalties of weights."""
    return penalizes(model) or any(weight.regularizer is not None for weight in model.trainable_weights)


def _is_narrow_ensemble(program: Program) -> bool:
    """Whether members are trained side by side, whose copied inputs are not much wider than what comes of them."""
    joined = [stage.layer.layers for stage in program.line or () if isinstance(stage.layer, JoinedDense)]
    members = [layers for layers in joined if layers[0].members]
    return bool(members) and all(layers[0].features <= 2 * sum(one.units for one in layers) for layers in members)
