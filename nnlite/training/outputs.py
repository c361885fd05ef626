"""Training of a model with several outputs, each with its own loss and metrics."""

from collections.abc import Callable, Sequence
from typing import Any, Literal

import numpy as np

from nnlite.arrays.tables import as_plain_array
from nnlite.errors import ConfigError, DataError, NNLiteError
from nnlite.layers.base.contract.structure import leaves_in
from nnlite.losses import Loss
from nnlite.losses.masks import counted_rows
from nnlite.losses.output_losses import OutputLosses, by_output, each_output, single_loss
from nnlite.metrics import Metric
from nnlite.optimizers import Optimizer
from nnlite.registry.bounds import Count
from nnlite.registry.field_types import jsonable
from nnlite.registry.fields import Spec
from nnlite.training.compiled.compiled import read_weight
from nnlite.training.compiled.metrics import (
    CompiledMetrics,
    GivenShapes,
    LossValue,
    OutputMetric,
    accuracy_for,
    given_or_copy,
    logged_name,
    update_metric,
)
from nnlite.training.trainable import Trainable
from nnlite.training.trainer import Trainer
from nnlite.tree import flatten_with_path, is_nested


class OutputsTrainer(Trainer):
    """The trainer of a model with several outputs.

    Args:
        model: what is trained.
        names: of the outputs, by which losses, metrics and targets may be passed.
    """

    def __init__(self, model: Trainable, names: list[str]):
        super().__init__(model)
        self.names = names

    def compile(
        self,
        optimizer: Spec[Optimizer] = "rmsprop",
        loss: Any = None,
        metrics: Any = None,
        weighted_metrics: Any = None,
        loss_weights: Any = None,
        run_eagerly: bool | None = False,
        steps_per_execution: Count = 1,
        jit_compile: bool | Literal["auto"] | None = "auto",
        auto_scale_loss: bool = True,
    ) -> None:
        """As `Trainer.compile`, with a loss and metrics for each output; see `Model.compile`."""
        arguments = {name: value for name, value in locals().items() if name not in ("self", "optimizer", "__class__")}
        loss, loss_weights = self._as_list(loss), self._as_list(loss_weights)
        metrics, weighted_metrics = self._as_list(metrics), self._as_list(weighted_metrics)
        chosen = [single_loss(spec) for spec in by_output(loss, self.names, "loss")]
        losses = [spec and Loss.get(spec) for spec in chosen]
        weights = [
            1.0 if weight is None else read_weight(weight)
            for weight in by_output(loss_weights, self.names, "loss_weights")
        ]
        specs = [
            (index, spec if spec in ("accuracy", "acc") else Metric.get(spec), weighted)
            for argument, weighted in ((metrics, False), (weighted_metrics, True))
            for index, specs in enumerate(by_output(argument, self.names, "metrics"))
            for spec in (specs if isinstance(specs, (list, tuple)) else [specs] if specs else ())
        ]
        settings = (run_eagerly, steps_per_execution, jit_compile, auto_scale_loss)
        super().compile(optimizer, None, None, None, None, *settings)
        taken = OutputLosses(losses, weights, self.names) if any(losses) else None
        labels = [
            spec if isinstance(spec, str) else str(one and one.name) for spec, one in zip(chosen, losses, strict=True)
        ]
        by_name = isinstance(loss, dict) and set(loss) <= set(self.names)
        in_order = [self.names.index(name) for name in loss] if by_name else range(len(self.names))
        self._take(taken, OutputMetrics(specs, self.names, labels, in_order, self.model))
        self.given = arguments

    def _as_list(self, argument: Any) -> Any:
        """An argument that is nested like the outputs as a list of one entry for each; any other unchanged."""
        structure = self.model._structure
        items = structure.values() if isinstance(structure, dict) else structure or ()
        if not isinstance(argument, (list, tuple, dict)) or not any(map(is_nested, items)):
            return argument
        try:
            return leaves_in(structure, argument)
        except ConfigError:  # in the order of the outputs, by their names, or one for all
            return argument

    def config(self) -> dict[str, Any]:
        """The arguments of `compile` as plain values."""
        assert self.optimizer is not None  # the model is compiled
        names = ("loss", "metrics", "weighted_metrics", "loss_weights")
        return {"optimizer": self.optimizer.to_spec(), **jsonable({name: self.given[name] for name in names})}

    def as_targets(self, y: Any) -> tuple[np.ndarray, ...]:
        """`y`, a list or a dict by the outputs' names, as a tuple of one array per output."""
        names, label = self.names, self.model.label
        if isinstance(y, dict):
            y = self._targets_by_name(y)
        elif isinstance(y, (list, tuple)):
            y = self._as_list(y)
        elif len(self._judged()) == 1:  # those of the one that has a loss
            y = [y if name in self._judged() else None for name in names]
        if not isinstance(y, (list, tuple)) or len(y) != len(names):
            raise DataError(f"{label} needs a list of {len(names)} targets, or a dict by the outputs' names")
        targets = [None if target is None else as_plain_array(target) for target in y]
        rows = max((len(target) for target in targets if target is not None), default=0)
        return tuple(np.zeros((rows, 1)) if target is None else target for target in targets)

    def with_targets(self, output_shape: Any, inputs: Any, targets: Any, sample_weight: Any, *more: Any) -> tuple:
        """As `Trainer.with_targets`; weights of rows may be nested like the outputs."""
        return super().with_targets(output_shape, inputs, targets, self._as_list(sample_weight), *more)

    def _targets_by_name(self, y: dict) -> list[Any]:
        """The target of each output; None for one that has neither a loss nor metrics and is left out."""
        names, judged = self.names, self._judged()
        nested = set(names) != set(y) and isinstance(self.model._structure, dict)
        targets = leaves_in(self.model._structure, y) if nested else [y.get(name) for name in names]
        missing = any(target is None and name in judged for name, target in zip(names, targets, strict=True))
        if missing or not (nested or set(y) <= set(names)):
            label, keys = self.model.label, ", ".join(map(str, y))
            raise DataError(f"{label} needs targets for {', '.join(judged)}, got {keys}")
        return targets

    def _judged(self) -> list[str]:
        """The names of the outputs that have a loss or metrics; all before `compile`."""
        if not isinstance(self.loss, OutputLosses) or not isinstance(self._metrics, OutputMetrics):
            return self.names
        measured = {index for index, *_ in self._metrics.output_specs}
        losses = zip(self.names, self.loss.losses, strict=True)
        return [name for position, (name, loss) in enumerate(losses) if loss is not None or position in measured]

    @classmethod
    def take_over(cls, trainer: Trainer, names: list[str]) -> None:
        """Make `trainer`, created and perhaps compiled before its model was built, one of several outputs.

        Raises:
            ConfigError: `compile` was given what does not fit them; the model is not built then, as before.
        """
        taken: Any = trainer
        single, optimizer, arguments = type(trainer), trainer.optimizer, trainer.given
        taken.__class__ = cls  # not another object: its `fit` may be what builds the model, and continues with it
        taken.names = names
        try:
            if optimizer is not None:
                taken.compile(optimizer, **arguments)
        except NNLiteError:
            taken.__class__, taken.given, taken.model.built = single, arguments, False
            raise

    def leave(self) -> None:
        """Be the trainer of a model of one output, as which it has turned out by being built."""
        trainer: Any = self
        trainer.__class__ = Trainer
        trainer.compile(self.optimizer, **self.given)

    def reorder(self, names: list[str]) -> None:
        """Set the order of the outputs, which is known once the model is built."""
        if names != self.names:
            optimizer, self.names = self.optimizer, names
            if optimizer is not None:
                self.compile(optimizer, **self.given)


class OutputMetrics(CompiledMetrics):
    """The metrics of several outputs, with the loss of each as the first.

    Args:
        specs: `(index, metric, weighted)` of each; `index` is that of the output.
        names: of the outputs.
        losses: names of their losses, by which logs know those of a model whose outputs have no names.
        order: numbers of outputs in the order of their losses in logs.
        model: whether its outputs have names is known once it is built.
    """

    def __init__(
        self,
        specs: list[tuple[int, Metric | str, bool]],
        names: list[str],
        losses: list[str],
        order: Sequence[int],
        model: Trainable,
    ) -> None:
        super().__init__()
        self.output_specs = specs
        self.names, self.names_of_losses, self.order, self.model = names, losses, order, model

    @property
    def named(self) -> bool:
        return bool(self.output_specs)

    @property
    def of_losses(self) -> list[Any]:
        return [metric for metric in self.in_use if isinstance(metric.metric, LossValue)]

    @property
    def names_of_outputs(self) -> list[str]:
        of_metrics = [metric.name for metric in self.in_use if not isinstance(metric.metric, LossValue)]
        return of_metrics if self.model._names_outputs else []

    def settle(self, loss: OutputLosses, output_shape: tuple, targets: tuple[np.ndarray, ...]) -> None:
        """With the first data, choose the metric for "accuracy" of each output."""
        if self.settled is not None:
            return
        named = self.model._names_outputs
        names = self.names if named else self.names_of_losses
        losses: list[tuple[Any, bool]] = [
            (OutputMetric(index, LossValue(loss_of_output), f"{self._path(index, names[index])}_loss"), True)
            for index in self.order
            if (loss_of_output := loss.losses[index]) and len(loss.losses) - loss.losses.count(None) > 1
        ]
        settled, taken = [], set()
        for index, spec, weighted in self.output_specs:
            if isinstance(spec, str):
                metric = accuracy_for(loss.losses[index], output_shape[index], targets[index].shape)
            else:
                metric = given_or_copy(spec, [one.metric for one, _ in settled])
            label = spec if isinstance(spec, str) else str(spec.name)
            name = logged_name(label, weighted, taken, f"{self.names[index]}_" if named else "")
            settled.append((OutputMetric(index, metric, name), weighted))
        self.settled = losses + settled if named else settled + losses

    def _path(self, index: int, name: str) -> str:
        """The name of an output in logs of losses: inside nested outputs with the keys and numbers that lead to it."""
        *outer, last = {leaf: path for path, leaf in flatten_with_path(self.model._structure)}.get(index, (0,))
        return "/".join(map(str, [*outer, last if isinstance(last, str) else name]))

    def update(self, mask: Any, y: tuple, predictions: tuple, sample_weight: Any, shapes: GivenShapes) -> None:
        """Update the metrics in use with one batch; each output has its own mask."""
        weights = each_output(sample_weight, len(predictions))
        outputs = zip(mask or [None] * len(predictions), y, predictions, weights, strict=True)
        counted = [counted_rows(*output) for output in outputs]
        for metric, weighted in self.settled or ():
            update_metric(metric.metric, counted[metric.index], weighted, shapes, metric.index)


class OutputActivations:
    """One activation per output, None if there is none: they turn raw outputs into predictions."""

    def __init__(self, activations: list[Callable | None]):
        self.activations = activations

    def __call__(self, outputs: tuple) -> tuple[np.ndarray, ...]:
        pairs = zip(self.activations, outputs, strict=True)
        return tuple(output if activation is None else activation(output) for activation, output in pairs)
