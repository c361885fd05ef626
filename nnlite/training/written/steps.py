"""The steps of a model with its own training step, test step, loss or metrics."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, cast

import numpy as np

from nnlite.data.batches import one_by_one
from nnlite.errors import WrongTypeError
from nnlite.layers.base.contract.structure import in_order
from nnlite.layers.base.variables.holders import layers_beside
from nnlite.metrics import Mean
from nnlite.ops.tape import active_tape
from nnlite.random import RandomSource
from nnlite.training.safety.divergence import NotFinite
from nnlite.training.written.layer_tape import LayerTape, values_of

if TYPE_CHECKING:
    from nnlite.training.trainer import Trainer

__all__ = ["WrittenSteps", "packed", "plain"]


class WrittenSteps:
    """The `Steps` of models that write their own: each step calls the model's methods while a tape records.

    Args:
        trainer: of a compiled model.

    Attributes:
        guarded: whether a loss that is not finite is `NotFinite`, before weights are changed by it.
        mask: of the outputs that the loss was last computed of.
    """

    ends_in_softmax = False
    together = staticmethod(one_by_one)

    def __init__(self, trainer: "Trainer") -> None:
        assert trainer.optimizer is not None  # the model is compiled
        self.trainer, self.model = trainer, trainer.model
        self.optimizer, self.compiled_loss, self.seed = trainer.optimizer, trainer.loss, trainer.model.seed
        self.guarded = False
        self.mask: Any = None
        self.logs: dict[str, Any] = {}
        model = cast(Any, self.model)
        for number, layer in enumerate(layers_beside(model), len(model.layers)):  # no `build` reaches them
            layer.random = layer.random or RandomSource(self.seed).child(number)

    @property
    def current(self) -> bool:
        """Whether optimizer and loss are still those of the trainer."""
        return self.optimizer is self.trainer.optimizer and self.compiled_loss is self.trainer.loss

    @property
    def loss_mean(self) -> Mean:
        """The mean loss of the default steps in this epoch."""
        return self.trainer.loss_mean

    @property
    def parameters(self) -> Any:
        """The parameters of the model."""
        return self.model.parameters

    @property
    def chain(self) -> Any:
        """The program of the model."""
        return self.model.chain

    def train(self, x: Any, y: Any, sample_weight: Any = None, batch_size: int | None = None) -> tuple[float, None]:
        """`model.train_step` on the batch, of any size; returns the loss that it reports, NaN if it reports none."""
        return self._run(self.model.train_step, x, y, sample_weight)

    def test(self, x: Any, y: Any, sample_weight: Any = None) -> tuple[float, None]:
        """`model.test_step` on the batch."""
        return self._run(self.model.test_step, x, y, sample_weight)

    validate = test

    def _run(self, step: Any, x: Any, y: Any, sample_weight: Any) -> tuple[float, None]:
        self.mask = None
        with self.recording(x):
            logs = step(packed(x, y if y is None else self.model._as_returned(y), sample_weight))
        if not isinstance(logs, Mapping):
            raise WrongTypeError(
                f"{self.model.label}: {step.__name__} must return a dict of numbers by their names, such as "
                f"{{'loss': loss}}, got {type(logs).__name__}"
            )
        self.logs = dict(_flat(logs))
        return self.logs.get("loss", np.nan), None

    @contextmanager
    def recording(self, x: Any = None) -> Iterator[LayerTape]:
        """A context in which calls of layers are recorded, on the existing tape if there is one."""
        present = active_tape()
        if present is not None:
            yield present
            return

        def check(value: np.ndarray) -> None:
            if self.guarded and not np.isfinite(value).all():
                raise NotFinite(float(value), x)

        tape = LayerTape(RandomSource(self.seed, self.optimizer.batches), check)
        with tape.recording():
            yield tape

    def begin_epoch(self) -> None:
        """Reset all metrics, and let the model reset what its class adds to them."""
        for metric in (self.loss_mean, *self.trainer.metrics, *self.model.metrics):
            metric.reset_state()
        self.model.reset_metrics()

    def report(self, *_: Any) -> dict[str, float]:
        """Results of the last step."""
        return dict(self.logs)

    def update_metrics(self, y: Any, y_pred: Any, sample_weight: Any) -> None:
        """Update the metrics of `compile` with a batch."""
        structure = self.model._structure
        trainer, outputs = self.trainer, in_order(structure, values_of(y_pred))
        if y is None:
            return
        y = in_order(structure, y)
        several = isinstance(outputs, (tuple, list))
        shape = tuple(output.shape for output in outputs) if several else outputs.shape
        trainer.settle(shape, y)
        if trainer.metrics:
            if trainer.loss is not None and np.ndim(outputs[0] if several else outputs) > 1:
                y = trainer.loss.prepare_targets(y, shape, np.dtype(self.model._output_dtype))
            trainer.update_metrics(y, outputs, sample_weight, self)

    def predictions(self, outputs: Any) -> Any:
        """The outputs, unchanged."""
        return outputs

    def put_averages(self) -> None:
        """Swap in the averages that the optimizer keeps."""
        self.optimizer.finalize_variable_values(self.model.trainable_weights)


def _flat(logs: Mapping[Any, Any]) -> Iterator[tuple[str, Any]]:
    """Names and numbers in Keras's order, those of mappings, such as the results of `compile`'s metrics, among them."""
    for name, value in sorted(logs.items()):
        if isinstance(value, Mapping):
            yield from _flat(value)
        else:
            yield str(name), plain(value)


def plain(value: Any) -> Any:
    """A number of any type as a Python number; several numbers as a list."""
    array = np.asarray(value)
    return array.item() if array.ndim == 0 else array.tolist()


def packed(x: Any, y: Any = None, sample_weight: Any = None) -> Any:
    """The argument of a step in Keras's form: `x`, `(x, y)` or `(x, y, sample_weight)`."""
    if sample_weight is not None:
        return x, y, sample_weight
    return ((x,) if isinstance(x, tuple) else x) if y is None else (x, y)
