"""The training step of a full-batch optimizer: one iteration over all rows."""

from math import isfinite
from operator import is_not
from typing import TYPE_CHECKING, Any

import numpy as np

from nnlite.errors import ConfigError
from nnlite.layers.composite.graph import Graph
from nnlite.optimizers.full_batch import FullBatchOptimizer
from nnlite.training.full_batch.chance import Drawn
from nnlite.training.full_batch.dense_squares import whole_loss
from nnlite.training.full_batch.objective import WholeLoss
from nnlite.training.safety.divergence import NotFinite
from nnlite.training.train_step import Steps

if TYPE_CHECKING:
    from nnlite.training.trainer import Trainer

__all__ = ["FullBatchSteps"]


class FullBatchSteps(Steps):
    """`Steps` of a trainer whose optimizer is a `FullBatchOptimizer`: `train` is one iteration.

    Raises:
        ConfigError: the model, or its loss, is not one that the optimizer can train.
    """

    optimizer: FullBatchOptimizer

    def __init__(self, trainer: "Trainer") -> None:
        super().__init__(trainer)
        self.dense, self.whole = self.whole, None
        self._problem: tuple[Any, tuple, WholeLoss] | None = None

    def train(
        self, x: Any, y: Any, sample_weight: np.ndarray | None = None, batch_size: int | None = None
    ) -> tuple[float, Any]:
        """One iteration on all of these rows; the loss and the raw outputs are those after it."""
        with np.errstate(all="ignore"):
            objective = self._objective((x, y, sample_weight))
            point, value = self.optimizer.iterate(objective, self.store.packs)
            loss = value if self._stands_at(objective, point) else objective.value(point)
        if self.guarded and not isfinite(loss):
            raise NotFinite(loss, x)
        if self.has_state and objective.state is not None:
            self.chain.update_state(objective.state)
        if self.optimizer.stop_reason is not None:
            self.trainer.stop_training = True
        outputs, self.mask = objective.all_outputs()
        return loss, outputs

    @staticmethod
    def _stands_at(objective: WholeLoss, point: np.ndarray) -> bool:
        """Whether the outputs that the objective has are those at this point."""
        last = objective.place
        return last is point or (last is not None and np.array_equal(last, point))

    def _objective(self, arrays: tuple) -> WholeLoss:
        """The loss over these rows; that of the iteration before, where the rows are the same."""
        session, problem = self.trainer.session, self._problem
        if session is None or problem is None or problem[0] is not session or any(map(is_not, problem[1], arrays)):
            problem = self._problem = session, arrays, self.checked(arrays)
        return problem[2]

    def checked(self, arrays: tuple) -> WholeLoss:
        """The loss over these rows; `ConfigError` where the optimizer cannot train this model, or minimize its loss."""
        self._check()
        try:
            objective = whole_loss(self, arrays, self.dense)
        except Drawn as drawn:
            raise ConfigError(self._about_chance(drawn.index)) from None
        self._check_loss(objective)
        self.optimizer.accept(objective)
        return objective

    def _check(self) -> None:
        name = type(self.optimizer).__name__
        if not self.store.size:
            raise ConfigError(f"{name}: the model has no trainable weights")
        if self.members != 1:
            raise ConfigError(f"{name} trains a single model: leave folds out, or take another optimizer")
        if self.penalized:
            raise ConfigError(f"{name} does not support activity penalties; those of weights are supported")
        if self.constrained:
            raise ConfigError(f"{name} takes no constraints, and {self.constrained[0].name!r} has one")
        self.optimizer.check(self.store.size)

    def _about_chance(self, index: int | None) -> str:
        """The error for the layer at `index` of the chain, which draws at random."""
        line = self.chain.line or ()
        layer: Any = self.trainer.model
        if index is not None:
            layer = next((stage.layer for stage in line if stage.index == index), layer)
            if isinstance(self.chain, Graph):
                layer = self.chain.uses[index].layer
        return (
            f"{type(self.optimizer).__name__} needs a loss without chance, and {layer.label} draws at random while "
            "training: leave it out, or take another optimizer"
        )

    def _check_loss(self, objective: WholeLoss) -> None:
        if self.optimizer.needs_squares and not objective.squares:
            raise ConfigError(
                f"{type(self.optimizer).__name__} needs a sum of squared errors, which {type(self.loss).__name__} is "
                "not: take mean_squared_error, or GaussNewton, LBFGS or NewtonCG for this loss"
            )
