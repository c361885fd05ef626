"""The second derivatives of a loss by the parameters as a structured map, and what follows from them."""

from typing import Any

from nnlite.derivatives.curvature import Curvature, Structure, ggn
from nnlite.registry.field_types import read_call
from nnlite.training import Steps, Trainable, Trainer
from nnlite.training.full_batch.objective import WholeLoss

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

    def _prepared(self, x: Any, y: Any, sample_weight: Any) -> tuple[tuple, Steps]:
        """A batch as the steps take it, and the steps."""
        self.trainer.need_loss("asking for derivatives of the loss")
        return self.trainer.read_batch(x, y, sample_weight), self.trainer.ready_steps()
