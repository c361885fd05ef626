"""The steps of `fit`, `evaluate` and `predict` as methods of a model, which a subclass may override."""

import inspect
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

from nnlite.data.batches import count_rows
from nnlite.errors import ConfigError, NotReadyError
from nnlite.models.doors import OfTrainer
from nnlite.training.written.losses import compiled_loss
from nnlite.training.written.steps import WrittenSteps, plain

if TYPE_CHECKING:
    from nnlite.models.base import BaseModel

__all__ = [
    "STEPS",
    "Writes",
    "compute_loss",
    "compute_metrics",
    "get_metrics_result",
    "make_predict_function",
    "make_test_function",
    "make_train_function",
    "predict_function",
    "predict_step",
    "reset_metrics",
    "test_function",
    "test_step",
    "train_function",
    "train_step",
    "zero_grad",
]


# The methods by which a class has steps of its own.
STEPS = ("train_step", "test_step", "compute_loss", "compute_metrics", "reset_metrics")


class Writes:
    """Whether a class of models overrides one of these methods.

    Args:
        names: of functions of this module.
    """

    def __init__(self, names: tuple[str, ...]) -> None:
        self.names = names

    def __get__(self, model: Any, owner: type) -> bool:
        # asked at each batch, where lists take half the time of a generator
        return [getattr(owner, name) for name in self.names] != [WRITTEN_HERE[name] for name in self.names]


def train_step(self: "BaseModel", x: Any, y: Any = None, sample_weight: Any = None) -> Any:
    """One training step; a subclass may override it with `train_step(self, data)`, which `fit` then calls.

    There, layers and models that are called are recorded, as are functions of `nnlite.ops` and losses. A loss, a single
    number, has `backward()`, which gives each parameter its `gradient`; `optimizer.apply` takes those::

        def train_step(self, data):
            x, y = data
            y_pred = self(x, training=True)
            loss = self.compute_loss(x=x, y=y, y_pred=y_pred)
            self.zero_grad()
            loss.backward()
            weights = self.trainable_weights
            self.optimizer.apply([weight.gradient for weight in weights], weights)
            return {"loss": loss} | self.compute_metrics(x, y, y_pred)

    Args:
        x: `data`: the inputs, `(inputs, targets)`, or `(inputs, targets, sample_weight)`.
        y, sample_weight: where targets are given by themselves, all arrays must have the model's dtype already;
            nothing is checked, and the loss is returned.

    Returns:
        What the step logs, by name; or the loss, see `y`.
    """
    if y is not None:
        return self.trainer.bare_steps().train(x, y, sample_weight)[0]
    steps = written(self)
    inputs, targets, weights = unpacked(x)
    with steps.recording(inputs):
        outputs = self(inputs, training=True)
        loss = _loss_of(self, inputs, targets, outputs, weights, training=True)
        steps.loss_mean.update_state(loss, count_rows(inputs))
        self.zero_grad()
        self.optimizer.scale_loss(loss).backward()
        trained = [weight for weight in self.trainable_weights if weight.size]
        self.optimizer.apply([weight.gradient for weight in trained], trained)
        for weight in trained:
            weight.constrain()
        return _logs_of(self, steps, self.compute_metrics(inputs, targets, outputs, weights))


def test_step(self: "BaseModel", data: Any) -> dict[str, Any]:
    """Loss and metrics of a batch, as `train_step` takes it, without training; a subclass may override it."""
    steps = written(self)
    inputs, targets, weights = unpacked(data)
    with steps.recording(inputs):
        outputs = self(inputs, training=False)
        loss = _loss_of(self, inputs, targets, outputs, weights, training=False)
        steps.loss_mean.update_state(loss, count_rows(inputs))
        return _logs_of(self, steps, self.compute_metrics(inputs, targets, outputs, weights))


def predict_step(self: "BaseModel", data: Any) -> Any:
    """The outputs for a batch of inputs; a subclass may override it for `predict`."""
    inputs = data[0] if isinstance(data, (tuple, list)) and len(data) == 1 else data
    return self(inputs, training=False)


def make_train_function(self: "BaseModel", force: bool = False) -> Callable[[Iterator[Any]], dict[str, Any]]:
    """The `train_function`, which is made unless there is one; a new one with `force`."""
    return _made(self, "train", force)


def make_test_function(self: "BaseModel", force: bool = False) -> Callable[[Iterator[Any]], dict[str, Any]]:
    """The `test_function`, which is made unless there is one; a new one with `force`."""
    return _made(self, "test", force)


def make_predict_function(self: "BaseModel", force: bool = False) -> Callable[[Iterator[Any]], Any]:
    """The `predict_function`, which is made unless there is one; a new one with `force`."""
    return _made(self, "predict", force)


train_function = OfTrainer[Any]("train_function", "Trains on the next batch of an iterator; None before `fit`.")
test_function = OfTrainer[Any]("test_function", "Tests on the next batch of an iterator; None before `evaluate`.")
predict_function = OfTrainer[Any]("predict_function", "Predicts the next batch; None before `predict`.")


def _made(model: Any, kind: str, force: bool) -> Any:
    """The function of a model that takes the next batch of an iterator, and does with it what `kind` says."""

    def of_next_batch(iterator: Iterator[Any]) -> Any:
        x, *others = unpacked(next(iterator))
        step = getattr(model, f"{kind}_on_batch")
        return step(x) if kind == "predict" else step(x, *others, return_dict=True)

    if force or getattr(model, f"{kind}_function") is None:
        setattr(model, f"{kind}_function", of_next_batch)
    return getattr(model, f"{kind}_function")


def compute_loss(
    self: "BaseModel",
    x: Any = None,
    y: Any = None,
    y_pred: Any = None,
    sample_weight: Any = None,
    training: bool = True,
) -> Any:
    """The loss of `compile`, with the penalties of weights and activities; a subclass may override it.

    Args:
        x, y, y_pred: inputs, targets and outputs of a batch.
        sample_weight: weight of each row.
        training: whether the loss is to be trained on.

    Returns:
        A single number; while a step runs, a recorded one, with `backward()`.
    """
    return compiled_loss(self, written(self), y, y_pred, sample_weight)


def compute_metrics(self: "BaseModel", x: Any, y: Any, y_pred: Any, sample_weight: Any = None) -> dict[str, Any]:
    """Update the metrics of `compile` with a batch; returns all metrics so far, by name. A subclass may override it."""
    written(self).update_metrics(y, y_pred, sample_weight)
    return self.get_metrics_result()


def reset_metrics(self: "BaseModel") -> None:
    """Reset all metrics, as each epoch and each evaluation does at its beginning; a subclass may override it."""
    for metric in self.metrics:
        metric.reset_state()


def get_metrics_result(self: "BaseModel") -> dict[str, Any]:
    """The values of all metrics so far, by name."""
    results: dict[str, Any] = {}
    for metric in self.metrics:
        value = metric.result()
        values = value if isinstance(value, dict) else {str(metric.name): value}
        results |= {name: plain(one) for name, one in values.items()}
    return results


def zero_grad(self: "BaseModel") -> None:
    """Let the next `backward` of a training step overwrite gradients instead of adding to them."""
    with written(self).recording() as tape:
        tape.forget_gradients()


def written(model: "BaseModel") -> WrittenSteps:
    """The steps that call the methods of the model; `NotReadyError` before `compile`."""
    if not model.compiled:
        raise NotReadyError("call compile(optimizer=..., loss=...) before a step")
    return model.trainer.written_steps()


def unpacked(data: Any) -> tuple[Any, Any, Any]:
    """Inputs, targets and weights from the argument of a step; None for missing ones."""
    if not isinstance(data, (tuple, list)):
        return data, None, None
    if not 1 <= len(data) <= 3:
        raise ConfigError(f"a step takes x, (x, y) or (x, y, sample_weight), got {len(data)} parts")
    return (*data, *[None] * (3 - len(data)))  # type: ignore[return-value]


def _loss_of(model: Any, x: Any, y: Any, y_pred: Any, sample_weight: Any, training: bool) -> Any:
    """`model.compute_loss` of a batch, told whether it is training if it asks for it."""
    asks = "training" in inspect.signature(model.compute_loss).parameters
    options = {"training": training} if asks else {}
    return model.compute_loss(x=x, y=y, y_pred=y_pred, sample_weight=sample_weight, **options)


def _logs_of(model: Any, steps: WrittenSteps, metrics: dict[str, Any]) -> dict[str, Any]:
    """Logs of a step that is not overridden: the metrics of a model that writes others have its loss already."""
    return metrics if model._writes_steps else {"loss": steps.loss_mean.result(), **metrics}


WRITTEN_HERE: dict[str, Any] = {name: globals()[name] for name in (*STEPS, "predict_step")}
