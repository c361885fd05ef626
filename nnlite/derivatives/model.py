"""The derivatives of a model, all computed from the Jacobians that its layers cache."""

from typing import Any

import numpy as np

from nnlite.arrays.types import Array
from nnlite.derivatives import explain, integrated_gradients
from nnlite.derivatives.explanation import Explanation
from nnlite.derivatives.integrated_gradients import need_one_output
from nnlite.derivatives.parameters import parameter_names, parameter_vector
from nnlite.derivatives.second_order import SecondOrder
from nnlite.errors import ConfigError
from nnlite.jacobians import NetworkJacobian, ParameterVector
from nnlite.jacobians.hessian import directional_derivative
from nnlite.jacobians.maps.base import fitted, one_row_each
from nnlite.layers.composite.derivatives import step_along
from nnlite.losses.masks import weight_of_rows
from nnlite.registry.bounds import Count
from nnlite.registry.field_types import read_call
from nnlite.training import Steps, Trainable, Trainer


class Derivatives(SecondOrder):
    """Derivatives of a model at inference: dropout is off and moments are the moving averages.

    `model.derivatives` are these, and the model's methods of the same names are doors to them.

    Vectors over the parameters hold all trainable ones, raveled and laid end to end in the order of
    `trainable_weights`. Where one is passed, a list of arrays or a dict by name (`"dense.kernel"`) does as well,
    and the result comes in the same form. Products with a loss are those of the compiled loss, penalties left out.

    Args:
        model: whose derivatives they are.
        trainer: the model's; derivatives of a loss are those of its loss.
    """

    def __init__(self, model: Trainable, trainer: Trainer):
        super().__init__(model, trainer)

    def __repr__(self) -> str:
        return f"Derivatives(of {self.model.label})"

    def jacobian(self, x: Any, wrt: str = "inputs") -> NetworkJacobian:
        """The Jacobian of the outputs at `x`, as a structured map that is not multiplied out.

        Args:
            x: a batch of examples.
            wrt: `"inputs"`, `"parameters"` (all trainable ones, as one vector), the name of a layer, or of an `Input`
                where there are several.

        Returns:
            A map with `vjp`, `jvp`, `per_example`, `todense`, `shape`, `nbytes`; printing it shows what it is made of.

        Raises:
            ConfigError: an unknown layer name, or one without parameters.

        >>> import numpy as np
        >>> from nnlite import Input, Sequential
        >>> from nnlite.layers import Dense
        >>> model = Sequential([Input((2,)), Dense(3, activation="tanh"), Dense(1)], seed=0)
        >>> model.jacobian(np.zeros((5, 2)), wrt="parameters")
        Jacobian of (5, 1) by (13,): 196 B kept, 260 B if dense
        ├─ dense
        │  ├─ inputs: RowsTimesKernel (5, 2) -> (5, 3), 24 B kept, 600 B if dense
        │  ├─ kernel: KernelOfRows (2, 3) -> (5, 3), 40 B kept, 360 B if dense
        │  ├─ bias: Broadcast (3,) -> (5, 3), 0 B kept, 360 B if dense
        │  └─ then: Diagonal (5, 3) -> (5, 3), 60 B kept, 900 B if dense
        └─ dense_1
           ├─ inputs: RowsTimesKernel (5, 3) -> (5, 1), 12 B kept, 300 B if dense
           ├─ kernel: KernelOfRows (3, 1) -> (5, 1), 60 B kept, 60 B if dense
           └─ bias: Broadcast (1,) -> (5, 1), 0 B kept, 40 B if dense
        """
        x, outputs, jacobians = self._linearized(x)
        if wrt in (names := self.model.input_names):
            index = names.index(wrt)
            if jacobians[index] is None:
                raise ConfigError(f"{self.model.label} takes indices or strings, which have no derivative")
            shape = x[index].shape if isinstance(x, tuple) else x.shape
            return NetworkJacobian(jacobians, None, shape, outputs.shape, self.model.chain.labels, index)
        vector = parameter_vector(self.model, wrt)
        return NetworkJacobian(jacobians, vector, (vector.size,), outputs.shape, self.model.chain.labels)

    def vjp(self, x: Any, cotangent: Any) -> tuple[Any, np.ndarray]:
        """Reverse mode: `cotangent` times the Jacobians of the outputs at `x`.

        Returns:
            The derivative with respect to the inputs, `(*seeds, *x.shape)` (None if there is none; a tuple for
            several), and with respect to the parameters, `(*seeds, count)`.

        Raises:
            ShapeError: `cotangent` does not end in the shape of the outputs.
        """
        (_, outputs, jacobians), vector = self._linearized(x), parameter_vector(self.model)
        cotangent = self._fitting(cotangent, outputs.shape, outputs.dtype, "vjp", "a cotangent")
        products = jacobians.vjp(cotangent, (*[True] * jacobians.data, *vector.chosen))
        by_inputs, by_parameters = products[: jacobians.data], products[jacobians.data :]
        joined = vector.join(by_parameters, cotangent.shape[: cotangent.ndim - outputs.ndim])
        return by_inputs if jacobians.data > 1 else by_inputs[0], joined

    def jvp(self, x: Any, tangent: Any = None, dparameters: Any = None) -> np.ndarray:
        """Forward mode: the change of the outputs at `x` for changes of inputs and parameters.

        Args:
            x: a batch of examples.
            tangent: change of `x`, `(*seeds, *x.shape)`; None for zero; a list of these for several inputs.
            dparameters: change of the parameters, `(*seeds, count)`; None for zero.

        Shape: `(*seeds, *outputs)`.

        Raises:
            ShapeError: a tangent of another shape.
        """
        (x, outputs, jacobians), vector = self._linearized(x), parameter_vector(self.model)
        several = isinstance(x, tuple)
        by_inputs = [
            None
            if by_input is None
            else self._fitting(by_input, data.shape, outputs.dtype, "jvp", "a tangent of the inputs")
            for by_input, data in zip(
                (tangent or [None] * len(x)) if several else [tangent], x if several else [x], strict=True
            )
        ]
        by_parameters = [None] * len(vector.chosen)
        if dparameters is not None:
            by_parameters = vector.split(vector.read(dparameters, "jvp"))
        if any(by_input is not None and jacobians[index] is None for index, by_input in enumerate(by_inputs)):
            raise ConfigError(f"{self.model.label} takes indices or strings: their tangent must be None")
        result = jacobians.jvp(*by_inputs, *by_parameters)
        return np.zeros_like(outputs) if result is None else result

    def per_example_gradients(self, x: Any, y: Any, sample_weight: Any = None, flat: bool = True) -> Any:
        """The gradient of each example's loss with respect to the parameters, without the factor `1 / batch`.

        The loss of an example is the mean over its own rows (steps of a sequence that no mask leaves out), their sum
        with reduction "sum".

        Args:
            x, y, sample_weight: a batch, as for `fit`.
            flat: one matrix instead of a dict by parameter name.

        Shape: `(batch, count)`, or `(batch, *shape)` for each parameter.
        """
        ((x, y, weights), steps), vector = self._prepared(x, y, sample_weight), parameter_vector(self.model)
        outputs, jacobians = steps.chain.linearize(x, *self.model.values)
        need_one_output(self.model, outputs)
        rows, by_outputs = steps.loss.per_row(y, outputs)
        mask = jacobians.mask
        counted = mask if isinstance(mask, np.ndarray) and mask.shape == rows.shape else np.ones(rows.shape)
        share = counted.astype(rows.dtype)
        if steps.loss.reduction != "sum":
            share /= np.maximum(share.sum(axis=tuple(range(1, share.ndim)), keepdims=True), 1)
        if weights is not None:
            share *= weight_of_rows(weights, rows.shape)
        if by_outputs.mixes_rows:  # the loss of one example depends on the outputs of others
            cotangent = by_outputs.vjp(one_row_each(share))
            joined = vector.vjp(jacobians, cotangent, share.shape[:1])
        else:
            joined = vector.per_example(jacobians, by_outputs.vjp(share))
        return joined if flat else vector.by_name(joined)

    def gradient(self, x: Any, y: Any, sample_weight: Any = None) -> np.ndarray:
        """The gradient of the loss over a batch with respect to the parameters. Shape: `(count,)`."""
        (batch, steps), vector = self._prepared(x, y, sample_weight), parameter_vector(self.model)
        return self._gradient(steps, batch, self.model.values, vector)

    def hvp(self, x: Any, y: Any, v: Any, sample_weight: Any = None) -> Any:
        """The Hessian of the loss with respect to the parameters, times `v`: a complex step, exact up to rounding.

        Piecewise functions use the piece of the real part; at jumps the slope counts as constant. With
        `InputDerivatives`, which cannot use complex numbers, differences of order 8 are exact to about 1e-10.

        Shape: that of `v`, `(count,)`.

        Raises:
            ShapeError: `v` of another shape.
        """
        (batch, steps), vector = self._prepared(x, y, sample_weight), parameter_vector(self.model)
        direction = vector.split(vector.read(v, "hvp", seeds=False))
        pairs = list(zip(self.model.values, direction, strict=True))
        changed = [(value, change) for value, change in pairs if change is not None]
        step = step_along(self.model, *zip(*changed, strict=True))
        kind = None if step is None else np.float64

        def gradient(t: Any) -> np.ndarray:
            moved = [value if change is None else np.asarray(value, kind) + t * change for value, change in pairs]
            return self._gradient(steps, batch, moved, vector)

        return vector.like(v, directional_derivative(gradient, step))

    def ggn_vp(self, x: Any, y: Any, v: Any, sample_weight: Any = None) -> Any:
        """The generalized Gauss-Newton matrix times `v`: J' H J v, J with respect to the parameters, H by the outputs.

        It is the Hessian without the curvature of the network itself, and positive semidefinite for convex losses.
        Outputs are those that the loss is trained on: the logits, where a final softmax or sigmoid fits the loss.

        Shape: that of `v`, `(count,)`.

        Reference: Schraudolph 2002, "Fast curvature matrix-vector products".
        """
        ((x, y, weights), steps), vector = self._prepared(x, y, sample_weight), parameter_vector(self.model)
        outputs, jacobians = steps.chain.linearize(x, *self.model.values)
        pushed = vector.jvp(jacobians, vector.read(v, "ggn_vp", seeds=False))
        bent = steps.loss.curvature(y, outputs, weights, jacobians.mask).jvp(pushed)
        return vector.like(v, vector.vjp(jacobians, bent))

    def explain(
        self, x: Any, y: Any = None, row: int = 0, output: int | None = None, weight: str | None = None
    ) -> Explanation:
        """Trace the chain rule for one example: cached arrays, norms of derivatives, and the gradient of one weight.

        Args:
            x: a batch of examples.
            y: targets: the loss is explained, penalties left out, from the logits where training takes those.
            row: which example, from 0.
            output: without `y`, which output is explained, as a number among the raveled ones; when None, norms are
                those of all outputs and the largest one is followed back to a weight.
            weight: the one to follow, `"dense.kernel[3, 7]"`; the one of all kernels with the largest derivative
                when None (of all parameters, in a model without kernels).

        Returns:
            An object that prints as a table, and shows as one in a notebook.

        Raises:
            DataError: there is no such row.
            ConfigError: there is no such output or weight.
        """
        return explain.explain(self.model, self.trainer, x, y, row, output, weight)

    def integrated_gradients(self, x: Any, baseline: Any = None, steps: Count = 50, output: Any = None) -> np.ndarray:
        """The contribution of each entry of `x` to one output, relative to `baseline`.

        `(x - baseline) * mean over a in [0, 1] of the gradient at baseline + a * (x - baseline)`; the contributions
        of a row add up to `f(x) - f(baseline)`, the more exactly the more steps there are.

        Args:
            x: a batch of examples.
            baseline: what stands for nothing: a number, one row, or an array like `x`; zeros when None.
            steps: points of Gauss-Legendre quadrature; exact to rounding for smooth models.
            output: the output meant, as a number among the raveled ones, or one number per row; each row's
                largest at `x` when None.

        Shape: that of `x`.

        Raises:
            ShapeError: a baseline that does not fit.
            ConfigError: an output that does not exist; inputs that are indices or strings.

        Reference: Sundararajan et al. 2017, arXiv:1703.01365.
        """
        read_call(Derivatives.integrated_gradients, locals())
        return integrated_gradients.integrated_gradients(self.model, x, baseline, steps, output)

    def _gradient(self, steps: Steps, batch: tuple, values: list[np.ndarray], vector: ParameterVector) -> Array:
        x, y, weights = batch
        outputs, jacobians = steps.chain.linearize(x, *values)
        _, by_outputs = steps.loss.linearize(y, outputs, weights, jacobians.mask)
        cotangent = by_outputs.vjp(np.ones((), self.model._output_dtype))
        return vector.vjp(jacobians, cotangent)

    def _linearized(self, x: Any) -> tuple:
        x = self.model._as_input(x)
        outputs, jacobians = self.model.linearize(x, *self.model.values)
        need_one_output(self.model, outputs)
        return x, outputs, jacobians

    def parameter_names(self) -> list[str]:
        """A name for each of the model's `parameters`: `"dense.kernel"`."""
        return parameter_names(self.model)

    def _fitting(self, array: Any, shape: tuple, dtype: Any, method: str, what: str) -> np.ndarray:
        return fitted(array, shape, dtype, f"{self.model.label}: {method} needs {what}")
