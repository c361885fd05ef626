"""`check_model`: every layer on the inputs that reach it, the model as a whole, and its loss."""

from typing import Any

import numpy as np

from nnlite.check.jacobians import check_jacobians, check_per_example
from nnlite.check.layers import check_layer
from nnlite.check.losses import check_loss, suitable
from nnlite.check.numeric import difference, stencil
from nnlite.check.report import Findings, Report
from nnlite.check.samples import contexts, filled, in_dtype, moved, sample, stops_gradient, twin_of
from nnlite.check.subject import Subject
from nnlite.check.use import subject_of
from nnlite.derivatives import parameter_names
from nnlite.jacobians import Contraction, Jacobians, ParameterVector
from nnlite.layers import Layer
from nnlite.losses import Loss
from nnlite.models.base import BaseModel

__all__ = ["check_model"]

ROWS = 6  # of a batch that is given
TRIES = 3
HESSIAN_STEP, HESSIAN_NEAR = 1e-6, 1e-5  # so small a step that it hardly meets a kink; what it misses is not rounding


def check_model(model: BaseModel, input_shape: tuple | None = None, x: Any = None, y: Any = None) -> Report:
    """Check a model: each layer as in `check_layer`, on the inputs that reach it; the whole model; its loss, if any.

    Args:
        model: a `Sequential` or another model; it is not changed.
        input_shape: `(batch, ...)` of random inputs; the one it was built for when None.
        x, y: a batch to check at instead; a few of its rows are used. Targets suit the loss when y is None.

    >>> from nnlite import Input, Sequential
    >>> from nnlite.layers import Dense
    >>> model = Sequential([Input((3,)), Dense(4, activation="tanh"), Dense(1)], seed=0)
    >>> model.compile(loss="mse")
    >>> check_model(model).ok
    True
    """
    report, random = Report(), np.random.default_rng(5)
    findings = Findings(report, "the whole model")
    with findings.trying("linearize"):
        twin, inputs = _prepared(model, input_shape, x, random)
        for path, layer, reached in layers_of(twin, inputs):
            report.include(check_layer(layer, inputs=reached, name=path))
        subject = _whole(twin, inputs, random)
        findings.held("linearize", True, "")
        constant = stops_gradient(twin)
        check_jacobians(findings, subject, random, skipped="a layer takes a part for a constant" if constant else "")
        with findings.trying("per example"):
            check_per_example(findings, subject, random)
        if not isinstance(model.trainer.loss, Loss) or isinstance(subject.output, tuple):
            findings.skipped("loss", "it has several outputs" if model.loss else "it is not compiled with one")
        else:
            _check_loss(report, model, twin, inputs, y, random)
    return report


def layers_of(model: BaseModel, inputs: Any) -> list[tuple[str, Layer, Any]]:
    """`(path, layer, inputs)` of every layer that is not a container itself, as one run of the model meets them."""
    leaves, reached = dict(_leaves(model)), {}

    def watched(path, linearize):
        def run(inputs, *values, **context):
            reached.setdefault(path, inputs)
            return linearize(inputs, *values, **context)

        return run

    for path, layer in leaves.items():
        layer.linearize = watched(path, layer.linearize)
    try:
        model.linearize(inputs, *model.values)
    finally:
        for layer in leaves.values():
            del layer.linearize
    return [(path, layer, reached[path]) for path, layer in leaves.items() if path in reached]


def _leaves(model, prefix=""):
    for layer in model.layers:
        path = f"{prefix}{layer.name}"
        if isinstance(layer, BaseModel):
            yield from _leaves(layer, f"{path}.")
        else:
            yield path, layer


def _prepared(model, input_shape, x, random):
    """A copy in float64 and a batch for it."""
    if x is not None:
        x = model._as_input(x)
        x = tuple(array[:ROWS] for array in x) if isinstance(x, tuple) else x[:ROWS]
    shape = filled(input_shape or model.input_shape)
    twin = twin_of(model, "float64", shape, random)
    return twin, sample(twin, shape, random) if x is None else in_dtype(twin, x, "float64")


def _vector_of(model) -> ParameterVector:
    trained = {id(weight) for weight in model.trainable_weights}
    shapes = [parameter.shape for parameter in model.parameters]
    return ParameterVector(
        shapes, parameter_names(model), [id(parameter) in trained for parameter in model.parameters], "float64"
    )


def _placed(vector, values, theta):
    """The values of all parameters, the trainable ones out of one vector."""
    return [value if part is None else part for value, part in zip(values, vector.split(theta), strict=True)]


def _whole(model, inputs, random) -> Subject:
    """The model as a function of its inputs and of one vector of parameters."""
    layer = subject_of(model, inputs, next(contexts(model, inputs, random))[1])
    count, values = layer.data, layer.arrays[layer.data :]
    vector = _vector_of(model)

    def linearize(*arrays):
        output, jacobians = layer.linearize(*arrays[:count], *_placed(vector, values, arrays[-1]))
        return output, _ByVector(jacobians, vector, count)

    arrays = [*layer.arrays[:count], vector.join(values, ())]
    names, wanted = [*layer.names[:count], "parameters"], [*layer.wanted[:count], True]
    return Subject(linearize, arrays, names, wanted, count, vector)


class _ByVector:
    """Jacobians whose parameters are laid end to end."""

    def __init__(self, jacobians, vector, count) -> None:
        self.jacobians = jacobians
        self.vector = vector
        self.count = count

    @property
    def mixes_rows(self):
        return self.jacobians.mixes_rows

    def vjp(self, cotangent, wanted=None):
        wanted = (True,) * (self.count + 1) if wanted is None else wanted
        chosen = (*wanted[:-1], *(wanted[-1] and wants for wants in self.vector.chosen))
        return self._joined(self.jacobians.vjp(cotangent, chosen), wanted[-1])

    def jvp(self, *tangents):
        parts = [None] * len(self.vector.chosen) if tangents[-1] is None else self.vector.split(tangents[-1])
        return self.jacobians.jvp(*tangents[:-1], *parts)

    def per_example(self, cotangent):
        return self._joined(self.jacobians.per_example(cotangent, (False,) * self.count + self.vector.chosen), True)

    def _joined(self, results, wanted):
        data, parts = results[: self.count], results[self.count :]
        shapes = iter(self.vector.shapes)
        for part, chosen in zip(parts, self.vector.chosen, strict=True):
            rank = len(next(shapes)) if chosen else 0
            if part is not None:
                seeds = part.shape[: part.ndim - rank]
                break
        else:
            return (*data, None)
        return (*data, self.vector.join(parts, seeds) if wanted else None)


def _check_loss(report, model, twin, inputs, y, random) -> None:
    """The loss at the model's outputs, and its gradient with respect to all parameters, as training computes it."""
    findings = Findings(report, "the loss of the model")
    with findings.trying("linearize"):
        twin.trainer.last_layer.trust()  # the model was compared
        twin.compile(**model.trainer.config())
        outputs = twin.linearize(inputs, *twin.values)[0]
        rows = len(outputs)
        y_true = suitable(twin.loss, outputs.shape, random)[0] if y is None else np.asarray(y)[:rows]
        report.include(check_loss(twin.loss, y_true=y_true, y_pred=outputs))
        steps = twin.trainer.bare_steps()
        vector = _vector_of(twin)
        values = twin.values
        fitted = steps.loss.prepare_targets(y_true, outputs.shape, np.float64)

        def linearize(theta):
            outputs, jacobians = steps.chain.linearize(inputs, *_placed(vector, values, theta))
            value, by_outputs = steps.loss.linearize(fitted, outputs, mask=jacobians.mask)
            cotangent = by_outputs.vjp(np.ones(np.shape(value), outputs.dtype))
            spared = (False,) * jacobians.data
            gradient = vector.join(jacobians.vjp(cotangent, spared + vector.chosen)[len(spared) :], ())
            return np.asarray(value), Jacobians(Contraction(gradient))

        if steps.loss.reduction not in ("none", None) and vector.size:
            subject = Subject(linearize, [vector.join(values, ())], ["parameters"], [True], 0, vector)
            constant = "a layer takes a part for a constant" if stops_gradient(twin) else ""
            check_jacobians(findings, subject, random, skipped=constant)
            with findings.trying("hvp"):
                if not constant:
                    _check_hvp(findings, twin, inputs, y_true, subject, random)


def _check_hvp(findings, model, inputs, y_true, subject, random) -> None:
    """The Hessian, which a complex step through the gradient gives, is the slope of the gradient.

    One of a few directions must show it: the others may cross kinks, where the gradient jumps.
    """

    def gradient(theta):
        return subject.linearize(theta)[1].maps[0].gradients

    for parameter, value in zip(model.parameters, moved(model.values), strict=True):  # off the kinks where zeros meet
        parameter.assign(value)
    theta, tries = subject.vector.join(model.values, ()), []
    for v in random.normal(size=(TRIES, theta.size)):
        product, expected = model.hvp(inputs, y_true, v), stencil(gradient, theta, v, HESSIAN_STEP)
        entry = int(np.argmax(abs(product - expected)))
        tries.append((difference(product, expected), entry, product[entry], expected[entry]))
    error, entry, product, expected = min(tries)
    sentence = (
        f"hvp by {subject.entry(0, entry)} is {product:.10g}, the slope of the gradient is {expected:.10g}: complex "
        f"numbers do not pass through a layer, its Jacobian or the loss"
    )
    findings.measured("hvp", error, HESSIAN_NEAR, sentence)
