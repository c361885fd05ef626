"""User inputs, read as an array of the kind that the layer takes."""

import copy
import numbers
from collections.abc import Iterable, Iterator, Sized
from itertools import islice
from typing import TYPE_CHECKING, Any, cast

import numpy as np

from nnlite.arrays.rows import LazyRows
from nnlite.arrays.stored import StoredRows
from nnlite.arrays.tables import numbers_of_objects, numbers_of_table
from nnlite.arrays.types import is_floating, widened
from nnlite.config import floatx
from nnlite.errors import CellTypeError, ConfigError, DataError, ShapeError
from nnlite.ops.plain.operands import Operand
from nnlite.ops.tracing import Traced

if TYPE_CHECKING:
    from nnlite.layers.base.layer import Layer, Layer as Host
else:
    Host = object

__all__ = ["in_memory", "read_inputs", "read_several", "shape_fits"]

ADAPTED_ROWS = 100_000  # of a file


def read_inputs(inputs: Any, kind: str, owner: str) -> np.ndarray:
    """`inputs`, an array, list, Series or DataFrame of examples, as an array.

    Args:
        inputs: one entry along the first axis per example.
        kind: `"numbers"`; `"indices"`, numbers that must not be rounded to a floating-point type; `"strings"`;
            `"categories"`, strings or integers, which are spelled out as strings.
        owner: who needs them, for messages.

    Raises:
        DataError: values of another kind, or missing ones.
        ShapeError: a single value, or rows of unequal length.
    """
    if isinstance(inputs, Traced):
        raise ConfigError(f"{owner} got a traced value: keep it as an attribute of the layer whose call uses it")
    if isinstance(inputs, LazyRows):
        return cast(np.ndarray, inputs)  # which it is to whoever takes rows of it
    if hasattr(inputs, "toarray"):
        raise DataError(f"{owner} needs a dense array, got a sparse one: pass x.toarray()")
    array = as_strings(inputs, kind, owner) if kind in ("strings", "categories") else as_numbers(inputs, owner)
    if array.ndim == 0:
        raise ShapeError(f"{owner} needs an array of examples, got the single value {inputs!r}")
    return array


def read_several(inputs: Any, layer: "Layer") -> tuple[np.ndarray, ...]:
    """The inputs of a layer that takes a list or tuple, as arrays with the same number of examples."""
    if not isinstance(inputs, (list, tuple)) or not inputs:
        raise DataError(f"{layer.label} needs a list or tuple of inputs, got {type(inputs).__name__}")
    arrays = tuple(read_inputs(item, layer.input_kind, layer.label) for item in inputs)
    if len({len(array) for array in arrays}) > 1:
        raise ShapeError(
            f"{layer.label} needs inputs with one number of examples, got {' and '.join(str(len(a)) for a in arrays)}"
        )
    return arrays


def in_memory(array: Any) -> np.ndarray:
    """The array itself; for rows that stay in a file, a sample of 100,000, to adapt layers to."""
    return array.sample(ADAPTED_ROWS) if isinstance(array, StoredRows) else array


def variant_for(layer: Any, inputs: Any) -> Any:
    """The layer, or a twin for single or several inputs, if it was built for the other form.

    For layers whose first input is the same in both cases, and which look at the others in `linearize`.
    """
    several = isinstance(inputs, tuple)
    if not layer.built or several == bool(layer.takes_several) or isinstance(inputs, list):
        return layer
    first = layer.input_shape if several else layer.input_shape[0]
    twin = copy.copy(layer)
    twin.takes_several = several
    twin.input_shape = (first, *[None] * (len(inputs) - 1)) if several else first
    return twin


def gives_several(inputs: Any, layer: "Layer") -> bool:
    """Whether `inputs` are several arrays to the layer; if it takes either form, the one it is built for decides."""
    if type(layer).takes_several is None and not layer.built:
        arrays = isinstance(inputs, list) and all(isinstance(item, (np.ndarray, Operand)) for item in inputs)
        layer.takes_several = isinstance(inputs, tuple) or arrays
    return bool(layer.takes_several)


def check_number(layer: "Layer", input_shape: tuple) -> None:
    """`ShapeError` for several inputs to a layer of a single input; a layer that takes either remembers the form."""
    several = isinstance(next(iter(input_shape), None), (tuple, list))
    if type(layer).takes_several is None:
        layer.takes_several = several
    if several and not layer.takes_several:
        raise ShapeError(
            f"{layer.label} takes one input, got {len(input_shape)} of the shapes {' and '.join(map(str, input_shape))}"
            "; a class whose layers take several says takes_several = True"
        )


def read_training(training: Any, owner: str) -> bool | None:
    """`training` as a flag, None if a call does not say; `ConfigError` for a second input passed in its place."""
    if training is not None and not isinstance(training, (bool, int, np.bool_)):
        raise ConfigError(
            f"{owner}: training must be True or False, got {type(training).__name__}; several inputs go in one list, "
            "layer([query, value])"
        )
    return None if training is None else bool(training)


def shape_fits(expected: Any, shape: Any) -> bool:
    """Whether an array of `shape`, or several of several shapes, matches `expected`, where None is free."""
    if isinstance(expected, (tuple, list)):
        return (
            isinstance(shape, (tuple, list)) and len(shape) == len(expected) and all(map(shape_fits, expected, shape))
        )
    return expected is None or shape is None or (expected == shape)


def as_numbers(inputs: Any, owner: str) -> np.ndarray:
    """An array of numbers."""
    array = None if isinstance(inputs, np.ndarray) else numbers_of_table(inputs, owner)
    if array is not None:
        return array
    try:
        array = widened(numbers_of_objects(np.asarray(inputs)))
    except ValueError:
        raise ShapeError(f"{owner} needs rows of equal length") from None
    if array.dtype.kind not in "biufc":
        raise CellTypeError(f"{owner} needs numbers, got an array of {array.dtype}")
    return array


def as_strings(inputs: Any, kind: str, owner: str) -> np.ndarray:
    """An array of strings: of NumPy's type if it came that way, else Python's, since lengths may vary widely.

    Bytes are read as UTF-8.
    """
    wanted = "strings" if kind == "strings" else "strings or integers"
    array = inputs if isinstance(inputs, np.ndarray) else _objects(inputs)
    if kind == "categories" and array.dtype.kind in "biu":
        return array.astype(str)
    if array.dtype.kind == "U":
        return array
    if array.dtype.kind not in "OTS":
        raise CellTypeError(f"{owner} needs {wanted}, got an array of {array.dtype}")
    array = array.astype(object)
    flat = array.ravel().tolist()
    types = set(map(type, flat))
    holds_bytes = any(issubclass(cls, bytes) for cls in types)  # what data pipelines and HDF5 files give
    if holds_bytes:
        flat = list(map(_decoded, flat))
        types = set(map(type, flat))
    allowed = str if kind == "strings" else (str, numbers.Integral)
    if not all(issubclass(cls, allowed) for cls in types):
        index, value = next((index, value) for index, value in enumerate(flat) if not isinstance(value, allowed))
        missing = " (a missing value: fill it first)" if _is_missing(value) else ""
        row = index * len(array) // len(flat) if array.ndim else 0
        error = DataError if missing else CellTypeError
        raise error(f"{owner} needs {wanted}, got {_shown(value)} in row {row}{missing}")
    if not holds_bytes and all(issubclass(cls, str) for cls in types):
        return array
    return np.array([str(value) for value in flat], dtype=object).reshape(array.shape)


def floating(layer: Any, inputs: np.ndarray) -> np.ndarray:
    """Inputs as floating-point numbers: integers in the dtype of the layer, or in `floatx()` if that is of integers."""
    if inputs.dtype.kind not in "biu":
        return inputs
    return inputs.astype(layer.dtype if is_floating(np.dtype(layer.dtype)) else floatx())


def _decoded(value: Any) -> Any:
    """Bytes as the text that they are in UTF-8; other values, and other bytes, unchanged."""
    try:
        return value.decode() if isinstance(value, bytes) else value
    except UnicodeDecodeError:
        return value


def as_whole(values: np.ndarray, owner: str) -> np.ndarray:
    """`values` as 64-bit integers; `DataError` if that changes one of them."""
    if values.dtype.kind not in "biuf":
        raise CellTypeError(f"{owner} needs integers, got an array of {values.dtype}")
    with np.errstate(invalid="ignore"):
        whole = values.astype(np.int64)
    if values.dtype.kind == "f" and not np.array_equal(whole, values):
        raise CellTypeError(f"{owner} needs integers, got {values[whole != values].flat[0]}")
    return whole


def _objects(inputs: Any) -> np.ndarray:
    if hasattr(inputs, "to_numpy"):
        return np.asarray(inputs.to_numpy(), dtype=object)
    return np.array(inputs, dtype=object)


def _is_missing(value: object) -> bool:
    return type(value).__name__ in ("NoneType", "NAType", "NaTType") or (isinstance(value, float) and value != value)


def _shown(value: object) -> str:
    text = repr(value)
    return text if len(text) < 60 else f"{text[:56]} ..."


def gathered(data: Any, owner: str, steps: int | None = None, batch_size: int | None = None) -> Any:
    """`data` unchanged, or batches of it as one array.

    Batches are what an iterator gives, a list of arrays of two axes or more, or of unequal length, and an object of
    batches by number (`__len__` and `__getitem__`, such as a `PyDataset`). Of a batch that is a tuple the first entry
    counts, the inputs.

    Args:
        data: as users pass it.
        owner: who needs it, for messages.
        steps: how many batches are taken; all when None.
        batch_size: rows of a batch, if `steps` batches are taken from an array.

    Raises:
        DataError: no batch at all.
    """
    if steps is not None and steps < 1:
        raise ConfigError(f"{owner} takes steps >= 1, got {steps}")
    batches = _batches(data)
    if batches is None:
        return data if steps is None or batch_size is None else data[: steps * batch_size]
    arrays = [np.asarray(batch[0] if isinstance(batch, tuple) else batch) for batch in islice(batches, steps)]
    if not arrays:
        raise DataError(f"{owner} got no batch")
    return np.concatenate([np.atleast_1d(batch) for batch in arrays])


def _batches(data: Any) -> Iterator[Any] | None:
    """The batches that `data` is made of; None for one whole."""
    if isinstance(data, (str, bytes, dict)) or hasattr(data, "shape"):
        return None
    if isinstance(data, (list, tuple)):
        arrays = bool(data) and all(isinstance(item, np.ndarray) and item.ndim for item in data)
        parts = arrays and (data[0].ndim > 1 or len({item.shape for item in data}) > 1)
        return iter(data) if parts else None
    if isinstance(data, Sized) and "__getitem__" in dir(type(data)):
        numbered: Any = data
        return (numbered[index] for index in range(len(numbered)))
    return iter(data) if isinstance(data, Iterable) else None
