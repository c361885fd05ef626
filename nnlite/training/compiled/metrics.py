"""The metrics of a compiled model: named in `compile`, resolved with the first data, updated with each batch."""

import copy
from collections.abc import Iterable, Iterator, Sequence
from itertools import chain, count
from typing import Any, NamedTuple

import numpy as np

from nnlite.errors import ConfigError
from nnlite.layers.base.call import layers_within
from nnlite.layers.base.contract.structure import kept
from nnlite.losses import FunctionLoss, Loss
from nnlite.losses.masks import counted_rows
from nnlite.losses.output_losses import is_by_name, single_loss
from nnlite.metrics import Mean, MeanMetricWrapper, Metric, Sum, resolve_accuracy

__all__ = [
    "CompiledMetrics",
    "GivenShapes",
    "LossValue",
    "OutputMetric",
    "accuracy_for",
    "given_or_copy",
    "logged_name",
    "metrics_inside",
    "of_single",
    "update_metric",
]

OF_VALUES = (Mean.update_state, Sum.update_state)  # which take no targets


def accuracy_for(loss: Any, output_shape: tuple, target_shape: tuple) -> Any:
    """The metric that the word accuracy stands for; with a function as the loss, only the shapes decide."""
    return resolve_accuracy(None if isinstance(loss, FunctionLoss) else loss, output_shape, target_shape)


def metrics_inside(layer: Any) -> Iterator[Metric]:
    """The metrics that nested layers keep as attributes or in lists, and update in `call`."""
    for inner in layers_within(layer):
        yield from kept(inner, Metric)


def of_single(name: str | None, loss: Any, loss_weights: Any, *metrics: Any) -> tuple[Any, ...]:
    """Arguments of `compile` for a model of one output, from dicts by its name, or lists of length one."""

    def entry(argument: Any) -> Any:
        if isinstance(argument, dict) and list(argument) == [name]:
            return argument[name]
        if name is not None and is_by_name(argument):
            strangers = ", ".join(repr(other) for other in argument if other != name)
            raise ConfigError(f"compile names {strangers}; the output is {name!r}")
        return argument

    def metrics_of(argument: Any) -> Any:
        value = entry(argument)
        if value is not argument and value is not None and not isinstance(value, (list, tuple)):
            return [value]
        if isinstance(value, (list, tuple)) and len(value) == 1 and isinstance(value[0], list):
            return value[0]
        return value or None

    return single_loss(entry(loss)), entry(loss_weights), *map(metrics_of, metrics)


def logged_name(name: str, weighted: bool, names: set[str], prefix: str = "") -> str:
    """The name of a metric in logs, added to `names`, the previous ones: `mae`, `mae_1`, `weighted_mae`."""
    name = f"{prefix}weighted_{name}" if weighted and prefix + name in names else prefix + name
    free = next(tried for tried in chain([name], (f"{name}_{number}" for number in count(1))) if tried not in names)
    names.add(free)
    return free


def given_or_copy(metric: Metric, settled: Iterable[Any]) -> Metric:
    """The user's metric itself, whose `result` is then that of the last data; a copy of one that is in use already."""
    return copy.deepcopy(metric) if any(other is metric for other in settled) else metric


class GivenShapes(NamedTuple):
    """Shapes in which targets and weights came.

    Attributes:
        targets: shape of a row of the targets of each output.
        weights: whether weights of rows are a matrix, if only a column.
    """

    targets: Sequence[tuple] = ()
    weights: bool = False


def update_metric(metric: Any, batch: tuple, weighted: bool, shapes: GivenShapes, output: int = 0) -> None:
    """Update a metric with `(targets, predictions, weights)` of an output.

    User-defined classes and functions get columns of class numbers and of weights as columns, as they were given.
    """
    targets, predictions, weights = batch
    if isinstance(metric, MeanMetricWrapper) or not type(metric).update_state.__module__.startswith("nnlite."):
        shape = shapes.targets[output] if shapes.targets else ()
        if shape[-1:] == (1,) and targets.ndim == len(shape) == predictions.ndim - 1:
            targets = targets[..., None]
        if shapes.weights and weights is not None and weights.ndim == 1 and not isinstance(metric, MeanMetricWrapper):
            weights = weights[:, None]
    metric.update_state(targets, predictions, weights if weighted else None)


class CompiledMetrics:
    """The metrics of one output.

    Args:
        specs: `(metric, weighted)` of each: a `Metric`, or the word `"accuracy"` or `"acc"`; whether
            sample weights count.

    Attributes:
        settled: `(metric, weighted)` of the metrics in use; None before `settle`.
        take_logits: whether the logits serve all of these as well as the softmax of them.
    """

    def __init__(self, specs: list[tuple[Metric | str, bool]] | None = None) -> None:
        self.specs = specs or []
        self.settled: list[tuple[Any, bool]] | None = None
        self.take_logits = False

    @classmethod
    def of_arguments(cls, metrics: list | None, weighted_metrics: list | None) -> "CompiledMetrics":
        """The metrics for these arguments of `compile`; `ConfigError` for one that is not a metric of predictions."""
        specs = [
            (spec, weighted)
            for argument, weighted in ((metrics, False), (weighted_metrics, True))
            for spec in argument or ()
        ]
        if any(not isinstance(spec, str) and type(spec).update_state in OF_VALUES for spec, _ in specs):
            raise ConfigError("Mean averages given values; it does not compare predictions with targets", ("metrics",))
        return cls(specs)

    @property
    def named(self) -> bool:
        """Whether `compile` was given any metrics."""
        return bool(self.specs)

    @property
    def of_losses(self) -> list[Any]:
        """The metrics that are losses of outputs; empty for a single output."""
        return []

    @property
    def names_of_outputs(self) -> list[str]:
        """The names of the metrics of single outputs; empty for a single output."""
        return []

    @property
    def of_users(self) -> list[Any]:
        """The metrics in use but for those of losses."""
        of_losses = self.of_losses
        return [metric for metric in self.in_use if all(metric is not one for one in of_losses)]

    @property
    def in_use(self) -> list[Any]:
        """The resolved metrics."""
        return [metric for metric, _ in self.settled or ()]

    def settle(self, loss: Loss, output_shape: tuple, targets: np.ndarray) -> None:
        """With the first data, choose the metric for "accuracy", and make all names unique."""
        if self.settled is not None:
            return
        settled, names = [], set()
        for spec, weighted in self.specs:
            if isinstance(spec, str):
                metric = accuracy_for(loss, output_shape, targets.shape)
            else:
                metric = given_or_copy(spec, [one for one, _ in settled])
            metric.name = logged_name(spec if isinstance(spec, str) else str(metric.name), weighted, names)
            settled.append((metric, weighted))
        self.settled = settled
        self.take_logits = all(metric.takes_logits for metric, _ in settled)

    def forget(self) -> None:
        """Resolve again with the next data: the model has changed."""
        self.settled = None

    def update(
        self, mask: Any, y: Any, predictions: Any, sample_weight: np.ndarray | None, shapes: GivenShapes
    ) -> None:
        """Update the metrics in use with one batch; masked rows do not count."""
        batch = counted_rows(mask, y, predictions, sample_weight)
        for metric, weighted in self.settled or ():
            update_metric(metric, batch, weighted, shapes)

    def config(self) -> dict[str, list]:
        """The arguments of `compile` for these metrics, as plain values."""
        by_argument = {"metrics": [], "weighted_metrics": []}
        for metric, weighted in self.specs:
            spec = metric if isinstance(metric, str) else metric.to_spec()
            by_argument["weighted_metrics" if weighted else "metrics"].append(spec)
        return by_argument


class Delegate:
    """Has the value and the state of another metric, `metric`."""

    metric: Any

    def result(self) -> float:
        """The value so far."""
        return self.metric.result()

    def reset_state(self) -> None:
        """Forget all batches."""
        self.metric.reset_state()

    def get_state(self) -> dict[str, Any]:
        """The state, for checkpoints within an epoch."""
        return self.metric.get_state()

    def set_state(self, state: dict[str, Any]) -> None:
        """Continue from what `get_state` returned."""
        self.metric.set_state(state)


class OutputMetric(Delegate):
    """A metric of one of several outputs."""

    adds_up = False  # models of several outputs are trained batch by batch

    def __init__(self, index: int, metric: Any, name: str):
        self.index, self.metric, self.name = index, metric, name
        self.higher_is_better = metric.higher_is_better

    def update_state(self, y_true: np.ndarray, y_pred: np.ndarray, sample_weight: np.ndarray | None = None) -> None:
        """Add one batch of this output."""
        self.metric.update_state(y_true, y_pred, sample_weight)


class LossValue(Delegate):
    """A loss as a metric: its average over examples."""

    higher_is_better = False

    def __init__(self, loss: Loss):
        self.loss, self.metric = loss, Mean()

    def update_state(self, y_true: np.ndarray, y_pred: np.ndarray, sample_weight: np.ndarray | None = None) -> None:
        """Add one batch."""
        self.metric.update_state(self.loss(y_true, y_pred, sample_weight), len(y_pred))
