"""Training on several outputs: a loss for each, metrics for each."""

import copy

import numpy as np

from nnlite.errors import ConfigError, DataError
from nnlite.losses import Loss
from nnlite.losses.masks import counted_rows
from nnlite.losses.output_losses import OutputLosses, by_output
from nnlite.metrics import Mean, Metric, resolve_accuracy
from nnlite.registry.field_types import jsonable
from nnlite.training import Trainer


class SeveralOutputs:
    """What a model with several outputs adds to `Trainer`; with one output nothing changes."""

    @property
    def output_names(self) -> list[str]:
        """The names of the layers that give the outputs; with a number where one gives several."""
        names = [symbol.layer.name for symbol in self.outputs]
        places = [symbol.index for symbol in self.outputs]
        return [f"{name}_{place}" if names.count(name) > 1 else name for name, place in zip(names, places, strict=True)]

    def compile(self, optimizer="rmsprop", loss=None, metrics=None, weighted_metrics=None, loss_weights=None) -> None:
        """Choose how to train, as `Sequential.compile` does.

        Args:
            optimizer: as there.
            loss: with several outputs a list, a dict by name (an output that it leaves out is not trained on), or one
                loss for all.
            metrics, weighted_metrics: as there; with several outputs a list with one list per output, or a dict of
                lists by the outputs' names.
            loss_weights: factor of each loss in the sum, a list or a dict by name; 1 by default.

        Raises:
            ConfigError: unknown name or argument, or another number of entries than outputs.
        """
        names = self.output_names
        if len(names) == 1:
            if loss_weights is not None:
                raise ConfigError("a model with one output has one loss", ("loss_weights",))
            Trainer.compile(self, optimizer, loss, metrics, weighted_metrics)
            return
        losses = [spec and Loss.get(spec) for spec in by_output(loss, names, "loss")]
        weights = [
            1.0 if weight is None else float(weight) for weight in by_output(loss_weights, names, "loss_weights")
        ]
        chosen = [
            (index, spec if spec in ("accuracy", "acc") else Metric.get(spec), weighted)
            for given, weighted in ((metrics, False), (weighted_metrics, True))
            for index, specs in enumerate(by_output(given, names, "metrics"))
            for spec in (specs if isinstance(specs, (list, tuple)) else [specs] if specs else ())
        ]
        Trainer.compile(self, optimizer)
        self.loss = OutputLosses(losses, weights, names) if any(losses) else None
        self._metric_specs = chosen
        self._given = {
            "loss": loss,
            "metrics": metrics,
            "weighted_metrics": weighted_metrics,
            "loss_weights": loss_weights,
        }

    def compile_config(self) -> dict:
        """The arguments of `compile` as plain values."""
        if len(self.outputs) == 1:
            return Trainer.compile_config(self)
        return {"optimizer": self.optimizer.to_spec(), **jsonable(self._given)}

    def resolve_metrics(self, target_shape) -> None:
        """As `Trainer.resolve_metrics`; with several outputs each has a loss and metrics of its own."""
        if len(self.outputs) == 1:
            Trainer.resolve_metrics(self, target_shape)
        elif self._metrics is None:
            names, losses = self.output_names, self.loss.losses
            self._metrics = [
                (OutputMetric(index, LossValue(loss), f"{name}_loss"), True)
                for index, (name, loss) in enumerate(zip(names, losses, strict=True))
                if loss
            ]
            for index, spec, weighted in self._metric_specs:
                if isinstance(spec, str):
                    metric, label = resolve_accuracy(losses[index], self.output_shape[index], target_shape[index]), spec
                else:
                    metric, label = copy.copy(spec), spec.name
                self._metrics.append((OutputMetric(index, metric, f"{names[index]}_{label}"), weighted))

    def update_metrics(self, y, outputs, sample_weight) -> None:
        """As `Trainer.update_metrics`; with several outputs each has a mask of its own."""
        if len(self.outputs) == 1:
            Trainer.update_metrics(self, y, outputs, sample_weight)
            return
        masks = self._steps.mask or [None] * len(outputs)
        parts = zip(masks, y, self._steps.predictions(outputs), strict=True)
        counted = [counted_rows(*part, sample_weight) for part in parts]
        for metric, weighted in self._metrics:
            metric.update_state(*counted[metric.index][:2], counted[metric.index][2] if weighted else None)

    def as_targets(self, y):
        """`y` as an array, or as a tuple of one array per output."""
        names = self.output_names
        if len(names) == 1:
            return np.asarray(y)
        if isinstance(y, dict):
            if set(y) != set(names):
                raise DataError(f"{self.label} needs targets for {', '.join(names)}, got {', '.join(map(str, y))}")
            y = [y[name] for name in names]
        if not isinstance(y, (list, tuple)) or len(y) != len(names):
            raise DataError(f"{self.label} needs a list of {len(names)} targets, or a dict by the outputs' names")
        return tuple(np.asarray(part) for part in y)

    def until_loss(self) -> tuple:
        """What training runs: the graph up to activations that the losses take over, the loss, these activations."""
        several = len(self.outputs) > 1
        losses = list(self.loss.losses) if several else [self.loss]
        activations, uses = [None] * len(losses), self._uses()
        for index, (symbol, loss) in enumerate(zip(self.outputs, losses, strict=True)):
            place = self._last_use(symbol, uses)
            bare, activation = symbol.layer.without_activation() if place is not None else (None, None)
            from_logits = loss and activation and loss.from_outputs_of(activation)
            if from_logits:
                uses[place] = (bare, uses[place][1])
                losses[index], activations[index] = from_logits, activation
        if not any(activations):
            return self.chain, self.loss, None
        loss = OutputLosses(losses, self.loss.weights, self.output_names) if several else losses[0]
        return self._graph(uses), loss, _Activations(activations) if several else activations[0]

    def _last_use(self, symbol, uses) -> int | None:
        """The number of the use that gives `symbol`, if nothing else depends on its layer."""
        value = self.value_numbers()[symbol.key]
        places = [place for place, (layer, _) in enumerate(uses) if layer is symbol.layer]
        alone = len(places) == 1 and [other.key for other in self.outputs].count(symbol.key) == 1
        return places[0] if alone and not any(value in taken for _, taken in uses) else None


class OutputMetric:
    """A metric of one of several outputs."""

    def __init__(self, index, metric, name):
        self.index, self.metric, self.name = index, metric, name
        self.higher_is_better = metric.higher_is_better

    def update_state(self, y_true, y_pred, sample_weight=None) -> None:
        """Add one batch of this output."""
        self.metric.update_state(y_true, y_pred, sample_weight)

    def result(self) -> float:
        """The value so far."""
        return self.metric.result()

    def reset_state(self) -> None:
        """Forget all batches."""
        self.metric.reset_state()


class LossValue:
    """A loss as a metric: its average over examples."""

    higher_is_better = False

    def __init__(self, loss):
        self.loss = loss
        self.mean = Mean()

    def update_state(self, y_true, y_pred, sample_weight=None) -> None:
        """Add one batch."""
        self.mean.update_state(self.loss(y_true, y_pred, sample_weight), len(y_pred))

    def result(self) -> float:
        """The average so far."""
        return self.mean.result()

    def reset_state(self) -> None:
        """Forget all batches."""
        self.mean.reset_state()


class _Activations:
    """One activation per output, None where there is none to apply."""

    def __init__(self, activations):
        self.activations = activations

    def __call__(self, outputs):
        pairs = zip(self.activations, outputs, strict=True)
        return tuple(output if activation is None else activation(output) for activation, output in pairs)
