"""From the arguments of `fit` to batches for the steps: converted, and checked once."""

import copy
import itertools
from collections.abc import Callable, Iterator
from numbers import Integral
from typing import TYPE_CHECKING, Any, Literal, cast

import numpy as np

from nnlite.arrays.stored import StoredRows
from nnlite.arrays.tables import as_plain_array
from nnlite.arrays.weights import balanced_weights, fitted_weights
from nnlite.config import within_limit
from nnlite.data.batches import (
    IterableBatches,
    check_finite,
    check_fits,
    check_lengths,
    class_weights,
    count_rows,
    is_batches,
    select_rows,
    suited_batch_size,
    take_rows,
)
from nnlite.data.partition import hold_out
from nnlite.data.storage.batches import batches_of
from nnlite.errors import ConfigError, DataError
from nnlite.losses import Loss
from nnlite.losses.masks import weight_of_rows
from nnlite.losses.output_losses import OutputLosses, by_output
from nnlite.random import stream
from nnlite.registry.bounds import Count
from nnlite.training.epoch import Batches
from nnlite.training.trainable import Trainable

ADAPTED_ROWS = 1000

if TYPE_CHECKING:
    from nnlite.training.trainer import Trainer


BatchSize = Count | Literal["auto"] | None


def training_batches(trainer: "Trainer", data: tuple, options: dict) -> tuple[Batches, tuple | None]:
    """Batches to train on and, with `validation_split`, the arrays held out, else None.

    Args:
        trainer: of a compiled model; reading the data builds it, if need be, and settles its metrics.
        data: `(x, y, sample_weight)`.
        options: arguments of `fit`.
    """
    split = options["validation_split"] if options["validation_data"] is None else 0.0
    if options["stratify"] and not split:
        raise ConfigError("stratify belongs to validation_split, which is 0")
    balanced = options["class_weight"] == "balanced"
    class_weight = None if balanced else options["class_weight"]
    if is_batches(*data[:2]):
        _check_iterable(data[2], options)

        def read(*batch: Any) -> tuple:
            arrays = trainer.step_batch(*batch, class_weight=class_weight)
            adapt_first_weights(trainer.model, arrays[0])
            return arrays

        batches = IterableBatches(data[0], read, options["steps_per_epoch"], _shuffle_seed(trainer, options, "batch"))
        return _going_on(batches), None
    x, y, sample_weight = data
    arrays, held = trainer.step_batch(x, y, sample_weight, class_weight), None
    if split:
        if isinstance(arrays[0], StoredRows):
            raise ConfigError("validation_split needs arrays in memory; pass validation_data with rows of another file")
        labels = labels_of(trainer.loss, arrays[1]) if options["stratify"] else None
        stays, apart = hold_out(labels, count_rows(arrays[0]), split, trainer.model.seed, options["shuffle"] is True)
        arrays, held = _take(arrays, stays), _take(trainer.step_batch(*data) if class_weight else arrays, apart)
    if balanced:
        arrays = with_balanced_classes(trainer, arrays)
    adapt_first_weights(trainer.model, arrays[0])
    size = rows_of_batch(options["batch_size"], count_rows(arrays[0]))
    return _going_on(batches_of(arrays, size, _shuffle_seed(trainer, options), options["steps_per_epoch"])), held


def _going_on(batches: Any) -> Any:
    """These batches; an epoch of a few continues where the previous one stopped."""
    batches.goes_on = True
    return batches


def _check_iterable(sample_weight: Any, options: dict) -> None:
    """`ConfigError` for options of `fit` that need arrays."""
    if options["class_weight"] == "balanced":
        raise ConfigError('class_weight "balanced" counts rows, which batches do not show; give a dict')
    if options["validation_split"]:
        raise ConfigError("validation_split needs arrays; pass validation_data with iterables")
    if sample_weight is not None:
        raise ConfigError("sample_weight needs arrays; an iterable yields batches of (x, y, sample_weight)")


def _shuffle_seed(trainer: "Trainer", options: dict, *accepted: str) -> int | None:
    return trainer.model.seed if options["shuffle"] in (True, *accepted) else None


def rows_of_batch(batch_size: int | str | None, rows: int) -> int:
    """Rows per batch, from the argument `batch_size` and the number of rows to train on."""
    return suited_batch_size(rows) if batch_size == "auto" else cast(int, batch_size or 32)


def batch_length(batches: Batches, batch_size: int | str | None) -> int | None:
    """The rows of a batch, as far as known: an iterable has batches of any length."""
    if isinstance(batches, IterableBatches):
        return None if batch_size == "auto" else cast("int | None", batch_size)
    return batches.batch_size


def adapt_first_weights(model: Trainable, x: Any) -> None:
    """Let layers with data-dependent initialization see the training rows, 1,000 of them at most.

    Other layers that have something to learn from data were found missing it when `x` was read.
    """
    if model.adapted:
        return
    count = count_rows(x)
    rows = slice(None)
    if count > ADAPTED_ROWS:
        rows = np.sort(stream(model.seed, "adapt").permutation(count)[:ADAPTED_ROWS])
    model.adapt(take_rows(x, rows))


def evaluation_batches(trainer: "Trainer", data: Any, batch_size: int | None, steps: int | None) -> Batches:
    """Batches to test on, from `(x, y)`, `(x, y, sample_weight)` or an iterable of batches."""
    if is_batches(data, None):
        return IterableBatches(data, trainer.step_batch, steps)
    return batches_of(trainer.step_batch(*parts_of_data(data)), batch_size or 32, steps=steps)


def parts_of_data(data: Any) -> Any:
    """`(x, y)` or `(x, y, sample_weight)` as it is; `DataError` for anything else."""
    if not isinstance(data, (tuple, list)) or not 2 <= len(data) <= 3:
        raise DataError("validation data must be (x, y), (x, y, sample_weight) or an iterable of batches")
    return data


def validation_batches(trainer: "Trainer", data: Any, batch_size: int | None, steps: int | None) -> Batches:
    """As `evaluation_batches`; what an iterator gives is kept, so that each epoch is judged by the same batches."""
    kept = batches_of_iterator(data, steps) if isinstance(data, Iterator) else data
    return evaluation_batches(trainer, kept, batch_size, steps)


def batches_of_iterator(data: Iterator[Any], steps: int | None) -> list[Any]:
    """The next batches of an iterator, copied: a generator may fill the same arrays again."""
    return [copy.deepcopy(batch) for batch in itertools.islice(data, within_limit(steps))]


def prediction_batches(model: Trainable, x: Any, batch_size: int, steps: int | None) -> Batches:
    """Batches to predict; targets in an iterable are ignored."""

    def read(x: Any, *_) -> tuple:
        return built_inputs(model, x), None, None

    if is_batches(x, None):
        return IterableBatches(x, read, steps)
    arrays = read(x)
    check_lengths(arrays[0])
    return batches_of(arrays, batch_size, steps=steps)


def shape_for(model: Trainable, inputs: Any) -> Any:
    """The shape of the outputs for these inputs, with the model's free axes filled in."""
    shapes = model.output_shape
    free = any(None in shape[1:] for shape in (shapes if isinstance(shapes[0], tuple) else (shapes,)))
    if not free:
        return shapes
    batch_shapes = tuple((None, *array.shape[1:]) for array in (inputs if isinstance(inputs, tuple) else (inputs,)))
    return model.compute_output_shape(batch_shapes if isinstance(inputs, tuple) else batch_shapes[0])


def built_inputs(model: Trainable, x: Any) -> np.ndarray | tuple[np.ndarray, ...]:
    """x as a real, finite array of the model's dtype and input shape; builds the model if necessary."""
    if (isinstance(x, list) and not x) or (isinstance(x, np.ndarray) and x.shape == (0,)):
        check_lengths(x)  # before its shape is looked at, which says nothing
    with np.errstate(over="ignore"):  # a number too large for the model's dtype is found below
        inputs = model._as_input(x)
    for array in inputs if isinstance(inputs, tuple) else (inputs,):
        if array.dtype.kind == "c":
            raise DataError(f"x holds complex numbers ({array.dtype}); a model is trained and used on real ones")
    try:
        check_finite(inputs)
    except DataError:
        if isinstance(inputs, np.ndarray):
            check_fits(as_plain_array(x), inputs)
        raise
    return inputs


def batch_arrays(model: Trainable, x: Any, y: Any, as_targets: Callable) -> tuple:
    """x and y as arrays with one row per example; the model is built for x if it is not yet."""
    if y is None:
        raise DataError("targets are missing: pass y, or batches of (x, y)")
    inputs = built_inputs(model, x)
    return inputs, target_arrays(inputs, y, as_targets)


def target_arrays(inputs: Any, y: Any, as_targets: Callable) -> Any:
    """y as an array with one row per example of the inputs, or as several."""
    targets = as_targets(y)
    for array in targets if isinstance(targets, tuple) else (targets,):
        if array.ndim == 0:
            raise DataError(f"y must have one row per example, got {y!r}")
        check_lengths(inputs, y=array)
    return targets


def prepared_targets(
    trainer: "Trainer", output_shape: Any, inputs: Any, targets: Any, sample_weight: Any, class_weight: dict | None
) -> tuple:
    """Targets in the form that the loss compares with outputs, and the weight of each row (None: all the same)."""
    loss, dtype = trainer.loss, trainer.model._output_dtype
    targets = loss.prepare_targets(targets, output_shape, np.dtype(dtype))
    weights = _checked_weights(loss, sample_weight, targets, output_shape, dtype)
    if class_weight:
        by_class = _by_class(loss, targets, class_weight, output_shape).astype(dtype)
        weights = by_class if weights is None else weights * weight_of_rows(by_class, weights.shape)
    return targets, weights


def _checked_weights(loss: Any, sample_weight: Any, targets: Any, output_shape: Any, dtype: Any) -> Any:
    """The weights of rows, or of the losses inside them; a tuple of such where there is one for each output."""
    if sample_weight is None:
        return None
    if not isinstance(loss, OutputLosses):
        if isinstance(sample_weight, dict) and len(sample_weight) == 1:  # by the name of the one output
            (sample_weight,) = sample_weight.values()
        elif isinstance(sample_weight, (list, tuple)) and len(sample_weight) == 1 and np.ndim(sample_weight[0]):
            (sample_weight,) = sample_weight
        return _fitted(sample_weight, targets.shape[: len(output_shape) - 1], dtype)
    shapes = [target.shape[: len(shape) - 1] for target, shape in zip(targets, output_shape, strict=True)]
    if isinstance(sample_weight, dict) or (
        isinstance(sample_weight, (list, tuple)) and any(np.ndim(weights) for weights in sample_weight)
    ):
        by_loss = by_output(sample_weight, loss.names, "sample_weight")
        pairs = zip(by_loss, shapes, strict=True)
        return tuple(None if weights is None else _fitted(weights, shape, dtype) for weights, shape in pairs)
    return _fitted(sample_weight, shapes[0][:1], dtype)


def _fitted(sample_weight: Any, shape: tuple, dtype: Any) -> np.ndarray:
    weights = np.asarray(sample_weight)
    if weights.dtype.kind not in "biuf" or not np.isfinite(weights).all():
        shown = f"{weights.dtype} of shape {weights.shape}"
        raise DataError(f"sample_weight must be finite numbers, one for each of {shape[0]} rows, got {shown}")
    return fitted_weights(weights, shape).astype(dtype, copy=False)


def with_balanced_classes(trainer: "Trainer", arrays: tuple) -> tuple:
    """`(x, y, sample_weight)` with weights that balance the classes."""
    x, targets, weights = arrays
    if trainer.loss.target_kind == "regression":
        loss = type(trainer.loss).__name__
        raise ConfigError(f"class_weight: 'balanced' needs a loss of classes, not {loss}; a dict gives class weights")
    balanced = balanced_weights(labels_of(trainer.loss, targets), weights).astype(trainer.model._output_dtype)
    return x, targets, balanced if weights is None else weights * balanced


def _by_class(loss: Loss, targets: np.ndarray, class_weight: dict, output_shape: tuple) -> np.ndarray:
    """The weight of each row by its class number."""
    kind = loss.target_kind
    if kind != "regression":
        return class_weights(labels_of(loss, targets), class_weight, 2 if kind == "binary" else output_shape[-1])
    wide = targets.ndim == 2 and targets.shape[1] > 1
    labels = targets.argmax(-1) if wide else labels_of(loss, targets)
    numbers = wide and not np.array_equal(targets, np.arange(targets.shape[1]) == labels[:, None])
    if numbers or not np.array_equal(labels, np.abs(np.rint(labels))):
        expected = "targets that are class numbers from 0 on, or rows with a single 1"
        raise ConfigError(f"class_weight needs {expected}; those for {type(loss).__name__} are other numbers")
    named = [label for label in class_weight if isinstance(label, Integral)]
    return class_weights(labels, class_weight, int(max([labels.max(), *named])) + 1)


def labels_of(loss: Loss, targets: Any) -> np.ndarray:
    """The class number of each row; `DataError` unless every row has one label."""
    if isinstance(targets, tuple):
        raise DataError(f"class_weight and stratify need a model with one output, this one has {len(targets)}")
    labels = targets.argmax(-1) if loss.target_kind == "categorical" else targets
    if labels.size != len(labels):
        raise DataError(f"class_weight and stratify need one label per row, the targets have shape {targets.shape}")
    return labels.reshape(len(labels))


def _take(arrays: tuple, rows: np.ndarray) -> tuple:
    return tuple(select_rows(array, rows) for array in arrays)
