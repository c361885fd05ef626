"""The second derivatives of a loss with respect to the parameters as a structured map, and derived quantities."""

from typing import Any, Literal

import numpy as np

from nnlite.derivatives.curvature import Curvature, Structure, ggn
from nnlite.derivatives.influence import (
    InfluenceStructure,
    LeaveOneOut,
    Order,
    need_rows,
    outputs_at,
    penalized_curvature,
)
from nnlite.derivatives.uncertainty import Uncertainty
from nnlite.registry.field_types import read_call
from nnlite.training import Steps, Trainable, Trainer
from nnlite.training.full_batch.objective import WholeLoss
from nnlite.training.full_batch.parts import each_part, loss_weights

__all__ = ["SecondOrder"]


class SecondOrder:
    """The base of `Derivatives` that has the curvature of the loss.

    Args:
        model: whose derivatives they are.
        trainer: the model's; derivatives of a loss are those of its loss.
    """

    def __init__(self, model: Trainable, trainer: Trainer):
        self.model = model
        self.trainer = trainer

    def ggn(self, x: Any, y: Any, sample_weight: Any = None, structure: Structure = "dense") -> Curvature:
        """The generalized Gauss-Newton matrix J' H J of the loss, see `ggn_vp`, as a structured map.

        Args:
            x, y, sample_weight: a batch, as for `fit`.
            structure: `"dense"`, all entries; `"block"`, the exact block of each layer, 0 between layers; `"diagonal"`,
                the exact diagonal; `"kfac"`, for a dense layer on rows of numbers the Kronecker product of the mean of
                `a a'` over its inputs a and the sum of the curvatures by its outputs, for other layers their block;
                `"matrix_free"`, products with all entries without making them.

        Returns:
            A map with `vp(v)`, `solve(v, damping)`, `todense()`, `diagonal()`, `trace()` and `top_eigenvalues(count)`,
            in float64.

        Raises:
            DataError: a dense matrix of more than `nnlite.config.dense_limit()` bytes.

        Reference: Martens & Grosse 2015, "Optimizing neural networks with Kronecker-factored approximate curvature";
        Botev et al. 2017, "Practical Gauss-Newton optimisation for deep learning".

        >>> import numpy as np
        >>> from nnlite import Input, Sequential
        >>> from nnlite.layers import Dense
        >>> model = Sequential([Input((2,)), Dense(3, activation="tanh"), Dense(1)], seed=0)
        >>> model.compile("sgd", "mse")
        >>> model.ggn(np.ones((4, 2)), np.zeros(4), structure="kfac")
        BlockCurvature(13 by 13: KroneckerBlock of 9, KroneckerBlock of 4)
        """
        read_call(SecondOrder.ggn, locals())
        batch, steps = self._prepared(x, y, sample_weight)
        return ggn(WholeLoss(steps, batch, training=False), self.model, structure)

    def influence(
        self,
        x: Any,
        y: Any,
        x_test: Any,
        y_test: Any = None,
        sample_weight: Any = None,
        structure: InfluenceStructure = "dense",
        damping: float = 0.0,
        order: Order | None = None,
    ) -> np.ndarray | list[np.ndarray]:
        """Predict, without retraining, how outputs or losses would change if a row were left out of training.

        The model should be at the minimum of its loss over `x` and `y`, penalties of weights included. The change of
        the parameters is that of one step towards the minimum without the row: with the generalized Gauss-Newton matrix
        C of the loss, and the row's part r of its slope and B of its curvature by its outputs, whose Jacobian is J,

            d = C^-1 J' (I - B J C^-1 J')^-1 r       order="newton"
            d = C^-1 J' r                            order="first"

        and the change of the tested quantity is its derivative times d. "newton" is exact for linear models with
        squared errors.

        Args:
            x, y, sample_weight: the rows that the model was trained on.
            x_test: rows whose outputs are tested, before a final softmax or sigmoid that fits the loss.
            y_test: their targets, to test their loss instead of their outputs.
            structure: of C: `"dense"`, or `"block"` or `"diagonal"`, which neglect what lies between layers, or
                between any two parameters.
            damping: added to the diagonal of C, >= 0; needed where some combination of parameters has no effect.
            order: which step; when None, "newton" of a dense curvature, else "first". With an approximate
                curvature the Newton step may point in the wrong direction.

        Shape: `(test rows, rows)` with `y_test`: by how much the loss of each test row, that of all its outputs, would
            grow without each row; else `(test rows, *outputs of a row, rows)`: the same of the outputs, a list where
            there are several.

        Raises:
            DataError: C is singular, see `damping`; for "newton", it is not positive without one of the rows.

        Reference: Koh & Liang 2017, "Understanding black-box predictions via influence functions"; Cook & Weisberg
        1982, "Residuals and influence in regression".
        """
        read_call(SecondOrder.influence, locals())
        left_out = self._left_out(x, y, sample_weight, structure, damping, order)
        whole, moves = left_out.whole, left_out.moves()
        tested = outputs_at(whole, x_test, whole.vector)
        changes = [by_parameters @ moves.T for _, by_parameters in tested]  # (test rows, units, rows) each
        if y_test is None:
            shaped = [change.reshape(*output.shape, -1) for change, (output, _) in zip(changes, tested, strict=True)]
            return shaped if len(shaped) > 1 else shaped[0]
        _, y_test, _ = self.trainer.read_batch(x_test, y_test)
        outputs: Any = tuple([output for output, _ in tested])
        total = np.zeros((len(outputs[0]), len(moves)))
        parts = each_part(whole.steps.loss, y_test, outputs if len(outputs) > 1 else outputs[0])
        for (loss, target, output), weight, change in zip(parts, loss_weights(whole.loss), changes, strict=True):
            if loss is not None:
                losses, by_rows = loss.per_row(target, output)
                slopes = weight * by_rows.vjp(np.ones(losses.shape)).reshape(len(output), -1)
                total += np.einsum("tu,tur->tr", slopes, change)
        return total

    def self_influence(
        self,
        x: Any,
        y: Any,
        sample_weight: Any = None,
        structure: InfluenceStructure = "dense",
        damping: float = 0.0,
        order: Order | None = None,
    ) -> np.ndarray:
        """The increase in the loss of each row if that row had been left out; arguments as in `influence`.

        Rows with a wrong label stand out: nothing but the row itself speaks for its label.

        Shape: `(rows,)`.
        """
        read_call(SecondOrder.self_influence, locals())
        return self._left_out(x, y, sample_weight, structure, damping, order).self_influence()

    def leverage(
        self,
        x: Any,
        y: Any,
        sample_weight: Any = None,
        structure: InfluenceStructure = "dense",
        damping: float = 0.0,
    ) -> np.ndarray:
        """Share of each row in its own outputs: the trace of `B J C^-1 J'`; arguments as in `influence`.

        For linear regression this is the diagonal of the hat matrix. The sum over the rows is the effective number of
        parameters. Of several outputs it is the sum of their shares, with the one curvature of the whole loss.

        Shape: `(rows,)`.
        """
        read_call(SecondOrder.leverage, locals())
        return self._left_out(x, y, sample_weight, structure, damping, "first").leverage()

    def cooks_distance(
        self,
        x: Any,
        y: Any,
        sample_weight: Any = None,
        structure: InfluenceStructure = "dense",
        damping: float = 0.0,
    ) -> np.ndarray:
        """Change of all outputs if a row is left out: `d' C d / (p * dispersion)`; arguments as in `influence`.

        p is the sum of the leverages; the dispersion is 1, for squared errors their sum divided by their number less
        p. For linear regression this is Cook's distance. Of several outputs it is that of multivariate regression, with
        errors that are independent and whose variances are to one another as the inverse weights in the loss.

        Shape: `(rows,)`.

        Reference: Cook 1977, "Detection of influential observation in linear regression"; Barrett & Ling 1992,
        "General classes of influence measures for multivariate regression".
        """
        read_call(SecondOrder.cooks_distance, locals())
        return self._left_out(x, y, sample_weight, structure, damping).cooks_distance()

    def _left_out(
        self,
        x: Any,
        y: Any,
        sample_weight: Any,
        structure: InfluenceStructure,
        damping: float,
        order: Order | None = None,
    ) -> LeaveOneOut:
        batch, steps = self._prepared(x, y, sample_weight)
        whole = WholeLoss(steps, batch, training=False)
        need_rows(whole)
        return LeaveOneOut(whole, penalized_curvature(whole, self.model, structure), damping, order)

    def uncertainty(
        self,
        x: Any,
        y: Any,
        sample_weight: Any = None,
        layers: Literal["all", "last"] = "all",
        damping: float = 0.0,
    ) -> Uncertainty:
        """The uncertainty of predictions due to the uncertainty of the parameters; see `Uncertainty`.

        The model should be at the minimum of its loss over these rows, penalties of weights included.

        Args:
            x, y, sample_weight: the rows that the model was trained on.
            layers: the layers whose parameters count as uncertain; `"last"` is the last layer with parameters, which
                suffices for large models.
            damping: added to the diagonal of the curvature, >= 0; needed where some combination of parameters has no
                effect.

        Raises:
            DataError: the curvature is singular, see `damping`; too many parameters for a matrix.
            ConfigError: neither squared errors nor a cross-entropy; of several outputs, classes or `layers="last"`.
        """
        read_call(SecondOrder.uncertainty, locals())
        batch, steps = self._prepared(x, y, sample_weight)
        return Uncertainty(WholeLoss(steps, batch, training=False), self.model, layers, damping)

    def _prepared(self, x: Any, y: Any, sample_weight: Any) -> tuple[tuple, Steps]:
        """A batch as the steps take it, and the steps."""
        self.trainer.need_loss("asking for derivatives of the loss")
        return self.trainer.read_batch(x, y, sample_weight), self.trainer.bare_steps()
