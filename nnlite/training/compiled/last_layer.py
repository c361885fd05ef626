"""The last layer against the loss: mismatches between outputs and the loss's expectations."""

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Literal, NamedTuple

from nnlite.errors import ConfigError
from nnlite.layers import Layer
from nnlite.losses import Loss
from nnlite.losses.output_losses import OutputLosses
from nnlite.ops.activations import (
    ActivationFunction,
    Exp,
    HardSigmoid,
    LogSigmoid,
    LogSoftmax,
    Sigmoid,
    Softmax,
    Softplus,
    Squareplus,
)
from nnlite.training.trainable import Trainable

__all__ = ["LastLayerCheck"]

CHANCES = (Sigmoid, HardSigmoid)
POSITIVE = (Exp, Softplus, Squareplus)  # shares once divided by their sum, as the loss divides them
LOGARITHMS = (LogSigmoid, LogSoftmax)


class Complaint(NamedTuple):
    """A mismatch of a last layer and a loss, and the remedy.

    Attributes:
        severity: "never" can only be wrong, "scale" has outputs that are not probabilities to whoever reads them,
            "doubtful" may be meant.
    """

    severity: Literal["never", "scale", "doubtful"]
    message: str


class LastLayerCheck:
    """The check of a model's last layer against its loss, made once per `compile`."""

    def __init__(self) -> None:
        self._trusted = self._postponed = self._done = False

    def trust(self) -> None:
        """Check nothing from now on: the caller has made sure that the outputs fit."""
        self._trusted = self._done = True

    @contextmanager
    def postponed(self) -> Iterator[None]:
        """A context in which `compile` checks nothing; the first data do, if any come."""
        self._postponed = True
        try:
            yield
        finally:
            self._postponed = False

    def renew(self, model: Trainable, loss: Any) -> None:
        """Compare a model with a new loss: immediately if it is built, else, or if postponed, with its first data."""
        self.forget()
        if model.built and not self._postponed:
            self.compare(model, loss)

    def forget(self) -> None:
        """Check again: layers or loss have changed."""
        self._done = self._trusted

    def compare(self, model: Trainable, loss: Any, strict: bool = False) -> None:
        """Warn, once, about outputs that the loss misinterprets.

        Args:
            model: nothing is compared before it is built.
            loss: a `Loss`, or the `OutputLosses` of several outputs; None for no loss.
            strict: whether outputs that are not probabilities where the loss expects such are an error too.

        Raises:
            ConfigError: a last layer and a loss that can only be wrong together.
        """
        if self._done or loss is None or not model.built:
            return
        several = isinstance(loss, OutputLosses)
        losses = loss.losses if several else [loss]
        shapes = model.output_shape if several else [model.output_shape]
        for layer, measure, shape in zip(model.chain.last_layers, losses, shapes, strict=True):
            if layer is None or measure is None:
                continue
            complaint = _complaint(_innermost(layer), measure, shape[-1])
            if complaint is None:
                continue
            message = f"{layer.label}: {complaint.message}"
            if complaint.severity == "never" or (strict and complaint.severity == "scale"):
                raise ConfigError(message, ("loss",))
            warnings.warn(message, stacklevel=2)
        self._done = True


def _innermost(layer: Layer) -> Layer:
    """The layer that the values are from, of a model inside a model the last one."""
    while layer.chain is not None and len(inside := layer.chain.last_layers) == 1 and inside[0] is not None:
        layer = inside[0]
    return layer


def _complaint(layer: Layer, loss: Loss, units: int | None) -> Complaint | None:
    activation = layer._final_activation
    shares = isinstance(activation, (Softmax, LogSoftmax)) and activation.along_last_axis
    if shares and layer.output_shape[-1] == 1:
        return Complaint(
            "never",
            "softmax over one unit is always 1, so nothing can be learned: give one unit the "
            "activation 'sigmoid', with binary_crossentropy, or have one unit per class",
        )
    if loss.link is Softmax and units == 1:
        return Complaint(
            "never",
            f"{type(loss).__name__} compares the shares of classes, and the share of one unit alone is always 1: have "
            "one unit per class, or one unit with the activation 'sigmoid' and binary_crossentropy",
        )
    if loss.link is None or activation is None or not type(activation).__module__.startswith("nnlite."):
        return None
    return _of_logits(activation, loss) if loss.from_logits else _of_probabilities(activation, loss, units)


def _of_logits(activation: ActivationFunction, loss: Loss) -> Complaint | None:
    if not isinstance(activation, (Softmax, *CHANCES)):
        return None
    return Complaint(
        "scale",
        f"the activation {activation!r} gives probabilities, and {type(loss).__name__}(from_logits=True) takes them "
        "for logits, and applies softmax or sigmoid again: leave the activation out, or set from_logits=False",
    )


def _of_probabilities(activation: ActivationFunction, loss: Loss, units: int | None) -> Complaint | None:
    name, shares = type(loss).__name__, loss.link is Softmax
    wanted = "softmax" if shares else "sigmoid"
    if isinstance(activation, LOGARITHMS):
        return Complaint(
            "never",
            f"the activation {activation!r} gives logarithms, which are negative, and {name} expects probabilities: "
            f"use the activation {wanted!r}",
        )
    if isinstance(activation, Softmax if shares else CHANCES) or (shares and isinstance(activation, POSITIVE)):
        return None
    if shares and isinstance(activation, CHANCES):
        return Complaint(
            "doubtful",
            f"the activation {activation!r} gives each class a chance of its own, and {name} divides them by their sum "
            "first: use 'softmax' where each row has one class, or binary_crossentropy where it may have several",
        )
    if isinstance(activation, Softmax):
        message = (
            f"the activation {activation!r} makes the units sum to 1, but {name} treats each independently: use "
            "categorical_crossentropy where each row has one class, or 'sigmoid' where it may have several"
        )
        return None if units == 2 else Complaint("doubtful", message)  # with two units both are one loss
    return Complaint(
        "scale",
        f"the outputs may be any numbers, and {name} takes them for probabilities: give the last layer the activation "
        f"{wanted!r}, or give the loss logits: {name}(from_logits=True)",
    )
