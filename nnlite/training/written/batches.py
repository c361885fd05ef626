"""User data for a model with its own steps."""

from collections.abc import Callable, Iterator
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from nnlite.arrays.tables import as_plain_array
from nnlite.data.batches import check_lengths, is_batches
from nnlite.errors import ConfigError, DataError
from nnlite.training.inputs import batches_of_iterator, built_inputs, parts_of_data, prepared_targets

if TYPE_CHECKING:
    from nnlite.training.trainer import Trainer

__all__ = ["written_batch", "written_evaluation"]


def written_batch(trainer: "Trainer", x: Any, y: Any, sample_weight: Any, class_weight: dict | None) -> tuple:
    """User data of `fit` as arrays with one row per example; targets are kept in their original form."""
    inputs = built_inputs(trainer.model, x)
    if y is None:
        if sample_weight is not None or class_weight:
            raise ConfigError("weights need targets: pass y")
        return inputs, None, None
    targets = trainer.as_targets(y)
    for array in targets if isinstance(targets, tuple) else (targets,):
        check_lengths(inputs, y=array)
    targets = _in_type(targets, trainer.model._output_dtype)
    shape = trainer.model.output_shape
    if trainer.loss is None or shape is None:  # nothing is known of the targets
        if class_weight:
            raise ConfigError("class_weight needs a loss of classes, which compile was not given", ("class_weight",))
        return inputs, targets, None if sample_weight is None else as_plain_array(sample_weight)
    try:
        _, weights = prepared_targets(trainer, shape, inputs, targets, sample_weight, class_weight)
    except DataError:
        if class_weight or not trainer.model._reads_targets:
            raise
        return inputs, targets, None if sample_weight is None else as_plain_array(sample_weight)
    trainer.settle(shape, targets)
    in_column = isinstance(weights, np.ndarray) and np.shape(sample_weight) == (*weights.shape, 1)
    return inputs, targets, weights[:, None] if in_column else weights  # as what a step multiplies with them may be


def _in_type(targets: Any, dtype: Any) -> Any:
    """Floating-point targets in the type of outputs, as those of a loss are; others as they are."""
    if isinstance(targets, tuple):
        return tuple(_in_type(target, dtype) for target in targets)
    return targets.astype(dtype, copy=False) if targets.dtype.kind == "f" else targets


def written_evaluation(model: Any, data: Any, batch_size: int | None, steps: int | None) -> Callable:
    """The validation of `fit` by a model whose class has its own `evaluate`, which is given the validation data."""
    data = batches_of_iterator(data, steps) if isinstance(data, Iterator) else data
    parts = (data,) if is_batches(data, None) else parts_of_data(data)
    named = dict(zip(("x", "y", "sample_weight"), parts, strict=False))
    evaluate = partial(model.evaluate, **named, batch_size=batch_size, steps=steps, return_dict=True)
    return lambda callbacks: evaluate(callbacks=callbacks)
