"""From what users pass to `fit` to batches that the steps can take: converted, and checked once."""

import numpy as np

from nnlite.data.batches import (
    ArrayBatches,
    IterableBatches,
    check_finite,
    check_lengths,
    class_weights,
    count_rows,
    hold_out,
    is_batches,
    take_rows,
)
from nnlite.errors import ConfigError, DataError


def training_batches(model, data: tuple, options: dict) -> tuple:
    """Batches to train on and, with `validation_split`, the arrays set apart, else None.

    Args:
        model: compiled; it is built here if need be.
        data: `(x, y, sample_weight)`.
        options: arguments of `fit`.
    """
    split = options["validation_split"]
    if options["stratify"] and not split:
        raise ConfigError("stratify belongs to validation_split, which is 0")
    class_weight = options["class_weight"]
    if is_batches(*data[:2]):
        if split:
            raise ConfigError("validation_split needs arrays; pass validation_data with iterables")
        if data[2] is not None:
            raise ConfigError("sample_weight needs arrays; an iterable yields batches of (x, y, sample_weight)")
        source, steps = data[0], options["steps_per_epoch"]
        return IterableBatches(source, lambda *batch: prepared(model, *batch, class_weight), steps), None
    arrays, held = prepared(model, *data, class_weight), None
    if split:
        if options["validation_data"] is not None:
            raise ConfigError("validation_split and validation_data exclude one another")
        labels = _labels(model.loss, arrays[1]) if options["stratify"] else None
        stays, apart = hold_out(labels, count_rows(arrays[0]), split, model.seed)
        arrays, held = _take(arrays, stays), _take(arrays, apart)
    shuffle_seed = model.seed if options["shuffle"] else None
    return ArrayBatches(arrays, options["batch_size"] or 32, shuffle_seed, options["steps_per_epoch"]), held


def evaluation_batches(model, data, batch_size: int | None, steps: int | None):
    """Batches to test on, from `(x, y)`, `(x, y, sample_weight)` or an iterable of batches."""
    if is_batches(data, None):
        return IterableBatches(data, lambda *batch: prepared(model, *batch), steps)
    if isinstance(data, (tuple, list)) and 2 <= len(data) <= 3:
        return ArrayBatches(prepared(model, *data), batch_size or 32, steps=steps)
    raise DataError("validation data must be (x, y), (x, y, sample_weight) or an iterable of batches")


def prediction_batches(model, x, batch_size: int, steps: int | None):
    """Batches to predict; targets in an iterable are ignored."""
    if is_batches(x, None):
        return IterableBatches(x, lambda x, *_: (checked_inputs(model, x), None, None), steps)
    inputs = checked_inputs(model, x)
    check_lengths(inputs)
    return ArrayBatches((inputs, None, None), batch_size, steps=steps)


def checked_inputs(model, x) -> np.ndarray:
    """x as an array of the model's dtype, of the shape it was built for, real and finite."""
    inputs = model.as_input(x)
    for part in inputs if isinstance(inputs, tuple) else (inputs,):
        if part.dtype.kind == "c":
            raise DataError(f"x holds complex numbers ({part.dtype}); a model is trained and used on real ones")
    check_finite(inputs)
    return inputs


def prepared(model, x, y, sample_weight=None, class_weight=None) -> tuple:
    """x, y and weights as the steps take them."""
    if y is None:
        raise DataError("targets are missing: pass y, or batches of (x, y)")
    inputs, targets = checked_inputs(model, x), model.as_targets(y)
    dtype = model.output_dtype
    several = isinstance(targets, tuple)
    for part in targets if several else (targets,):
        if part.ndim == 0:
            raise DataError(f"y must have one row per example, got {y!r}")
        check_lengths(inputs, y=part)
    model.resolve_metrics([part.shape for part in targets] if several else targets.shape)
    targets = model.loss.prepare_targets(targets, model.output_shape, dtype)
    weights = None if sample_weight is None else _checked_weights(sample_weight, inputs).astype(dtype, copy=False)
    if class_weight:
        by_class = _by_class(model, targets, class_weight).astype(dtype)
        weights = by_class if weights is None else weights * by_class
    return inputs, targets, weights


def _checked_weights(sample_weight, inputs):
    weights = np.asarray(sample_weight)
    if weights.ndim:
        check_lengths(inputs, sample_weight=weights)
    if weights.ndim != 1 or weights.dtype.kind not in "biuf" or not np.isfinite(weights).all():
        found = f"{weights.dtype} of shape {weights.shape}"
        raise DataError(f"sample_weight must be {count_rows(inputs)} finite numbers, got {found}")
    return weights


def _by_class(model, targets, class_weight):
    """The weight of each row by its class number."""
    kind = model.loss.target_kind
    if kind == "regression":
        raise ConfigError(f"class_weight needs a loss of classes, {type(model.loss).__name__} is one of numbers")
    return class_weights(_labels(model.loss, targets), class_weight, 2 if kind == "binary" else model.output_shape[-1])


def _labels(loss, targets):
    """The class number of each row; `DataError` unless every row has one label."""
    if isinstance(targets, tuple):
        raise DataError(f"class_weight and stratify need a model with one output, this one has {len(targets)}")
    labels = targets.argmax(-1) if loss.target_kind == "categorical" else targets
    if labels.size != len(labels):
        raise DataError(f"class_weight and stratify need one label per row, the targets have shape {targets.shape}")
    return labels.reshape(len(labels))


def _take(arrays, rows):
    return tuple(take_rows(array, rows) for array in arrays)
