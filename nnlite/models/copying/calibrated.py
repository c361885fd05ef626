"""Models with calibrated probabilities, made from trained ones."""

import functools
from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING, Any, NamedTuple, cast

import numpy as np

from nnlite.arrays.types import Array, ArrayLike
from nnlite.errors import ConfigError, ShapeError
from nnlite.inference.calibration import CalibrationMethod, isotonic_of, temperature_of
from nnlite.layers import Activation, Input, Layer
from nnlite.layers.base.contract.structure import arranged_as, leaves_in
from nnlite.layers.composite.operation import Operation
from nnlite.models.drawn.recorded import need_drawing
from nnlite.models.interpretation import link_of
from nnlite.ops.activations import Sigmoid, Softmax

if TYPE_CHECKING:
    from nnlite.models.base import BaseModel

__all__ = ["calibrated"]

LOWEST, HIGHEST = 0.05, 20.0  # temperatures: of models that stopped too soon, and of such that fit each row


def calibrated(
    self: "BaseModel",
    x: Any,
    y: ArrayLike,
    method: CalibrationMethod = "temperature",
    sample_weight: ArrayLike | None = None,
) -> "BaseModel":
    """A model that shares the layers of this one, with probabilities calibrated on rows it did not learn from.

    Its last layer is a `TemperatureScaling` of the logits, or an `IsotonicCalibration` of the probabilities, so that
    files, derivatives and exports have it. It is compiled as this model, whose outputs stay as they are; what is
    trained further is this model, to be calibrated again. It always gives probabilities, also where this one gives
    logits to a loss that takes such.

    Args:
        x: rows that the model was not trained on, as `predict` takes them.
        y: their targets, as the loss takes them; of a model whose one output has a key, a dict too.
        method: "temperature" for one number, by which all logits are divided; "isotonic" for a rising function of each
            probability, which needs more rows, some thousands, and scikit-learn.
        sample_weight: weights of the rows, >= 0.

    Raises:
        ConfigError: outputs that are neither probabilities nor logits of such by the loss; several outputs; a subclass
            that writes `call`, whose last layer is known to it alone.
        NotReadyError: before the model is built.
        DataError, ShapeError: targets or weights that do not fit the outputs.

    Reference: Guo et al. 2017, arXiv:1706.04599.

    >>> import numpy as np
    >>> from nnlite import Input, Sequential
    >>> from nnlite.layers import Dense
    >>> model = Sequential([Input((1,)), Dense(1, "sigmoid", kernel_initializer="ones")])
    >>> x = np.repeat([[-3.0], [3.0]], 500, axis=0)  # sure to 95 %
    >>> y = np.arange(1000) % 5 < np.repeat([1, 4], 500)  # and right in 80 % of the rows
    >>> print(model.calibrated(x, y).predict([[3.0]], verbose=0).round(2))
    [[0.8]]
    """
    self._need_built()
    ending = _ending_of(self)
    last = ending.last
    bare, activation = last.without_activation()
    link = activation or link_of(self)
    if not isinstance(link, Softmax | Sigmoid) or (isinstance(link, Softmax) and link.axis not in (-1, (-1,))):
        raise ConfigError(f"{self.label} ends in {last.label}: probabilities are a softmax or sigmoid at the end")
    exclusive = isinstance(link, Softmax)
    ends: dict[str, list[Layer]] = {"temperature": [bare], "isotonic": [last]}
    if activation is None:
        ends["isotonic"].append(Activation(link))
    if method not in ends:
        raise ConfigError(f"method={method!r}: expected 'temperature' or 'isotonic'", ("method",))
    outputs = np.asarray(_only(self, ending.model_of(ends[method]).predict(x, verbose=0)))
    weights = None if sample_weight is None else np.asarray(sample_weight)
    known = outputs, _truth(np.asarray(_only(self, y)), outputs, exclusive), weights, exclusive, self.dtype
    last_layer = isotonic_of(*known) if method == "isotonic" else temperature_of(*known, low=LOWEST, high=HIGHEST)
    last_layer.name = None  # whichever is free
    made = ending.model_of([*ends[method], last_layer])
    if self.compiled:
        made.compile(**_of_probabilities(cast(dict, self.trainer.config())))
    vars(made)["_interpretation"] = replace(self._interpretation, link=None)
    return made


class _Ending(NamedTuple):
    """The last layer of a model, and what makes a model of all before it and of other layers in its place."""

    last: Layer
    model_of: Callable[[list[Layer]], "BaseModel"]


def _ending_of(model: Any) -> _Ending:
    """The ending of a model; `ConfigError` where that is not one layer."""
    kinds: Any = Layer.members()  # the modules of both import this one
    kept: dict[str, Any] = {"seed": model.seed, "name": model.name, "dtype": model._given_dtype}
    if isinstance(model, kinds["Sequential"]):
        first, layers = Input(model.input_shape[1:]), model.layers[:-1]
        return _Ending(model.layers[-1], lambda last: type(model)([first, *layers, *last], **kept))
    need_drawing(model, "output")
    if len(model.outputs) > 1:
        raise ConfigError(f"{model.label} has {len(model.outputs)} outputs: probabilities of one can be calibrated")
    end = model.outputs[0]
    taken = list(end.inputs) if len(end.inputs) > 1 else end.inputs[0]
    inputs = model.inputs if len(model.inputs) > 1 else model.inputs[0]

    def model_of(last: list[Layer]) -> "BaseModel":
        outputs: Any = functools.reduce(lambda value, layer: layer(value), last, taken)
        if isinstance(model._structure, dict):
            outputs = arranged_as(model._structure, [outputs])
        return kinds["Model"](inputs, outputs, **kept)

    return _Ending(_as_activation(end.layer), model_of)


def _as_activation(layer: Any) -> Layer:
    """The layer; in place of `ops.softmax` or `ops.sigmoid` at the end of a graph the layer that does the same."""
    if not isinstance(layer, Operation) or layer.function not in ("softmax", "sigmoid"):
        return layer
    alone = layer.arguments in ([], [{"input": 0}]) and layer.options in ({}, {"axis": -1})
    return Activation(layer.function, dtype=layer.dtype) if alone else layer


def _only(model: Any, value: Any) -> Any:
    """The value that belongs to the one output, of a dict by its key too."""
    return leaves_in(model._structure, value)[0] if isinstance(value, dict) else value


def _truth(y: Array, outputs: Array, exclusive: bool) -> Array:
    """Class numbers of the outputs' shape without the last axis, or 0 and 1 of their shape."""
    wanted = outputs.shape[:-1] if exclusive else outputs.shape
    if exclusive and y.shape == outputs.shape:
        return y.argmax(axis=-1)
    if y.size != np.prod(wanted):
        raise ShapeError(f"targets of shape {y.shape} for outputs of shape {outputs.shape}")
    return y.reshape(wanted)


def _of_probabilities(config: dict[str, Any]) -> dict[str, Any]:
    """The arguments of `compile`, with a loss that takes probabilities where it took logits."""
    spec = config["loss"]
    if spec is not None:
        ((name, options),) = spec.items()
        config["loss"] = {name: {**options, "from_logits": False} if "from_logits" in options else options}
    return config
