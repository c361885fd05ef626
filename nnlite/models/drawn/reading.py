"""Data for the inputs of a graph: by name, or in their order."""

from collections.abc import Callable, Collection, Mapping
from typing import Any

import numpy as np

from nnlite.arrays.tables import of_rank
from nnlite.errors import ConfigError, DataError
from nnlite.layers import Layer
from nnlite.layers.base.attributes import LayerCall
from nnlite.layers.base.contract.arguments import by_keys, in_a_row, in_form, keyed_shape
from nnlite.layers.base.contract.structure import arranged_as, leaves_in, leaves_of, of_kind
from nnlite.layers.base.inputs import in_memory, read_inputs
from nnlite.layers.base.shapes import shapes_in
from nnlite.layers.base.symbolic import Drawable
from nnlite.models.drawn.ends import as_declared
from nnlite.ops.tracing import Traced

__all__ = [
    "adapt_chain",
    "adapt_each",
    "adapt_until",
    "chain_input",
    "data_in_a_row",
    "drawn_input",
    "handed_on",
    "inputs_in_order",
    "read_chain_call",
    "read_drawn_call",
    "shape_as_given",
    "shapes_by_name",
]


def drawn_input(model: Any, inputs: Any, read_single: Callable[[Any], Any]) -> np.ndarray | tuple[np.ndarray, ...]:
    """User data in the form that the graph takes; `read_single` reads those of a graph with one input."""
    inputs = inputs_in_order(model, inputs)
    if not model.takes_several:
        return as_declared(model, 0, read_single(inputs[0]))
    arrays = _read_each(model, inputs)
    model._check_input_shape(tuple(array.shape for array in arrays))
    if len({len(array) for array in arrays}) > 1:
        raise DataError(f"{model.label}: the inputs have {', '.join(str(len(array)) for array in arrays)} rows")
    model._check_ready()
    return tuple(arrays)


def read_drawn_call(self: Any, *inputs: Any, **options: Any) -> LayerCall:
    """The arguments of a call; symbols in a dict or in nested lists go to the inputs as data in this form do."""
    nested = inputs[0] if inputs else None
    if self._drawing is not None and isinstance(nested, (Mapping, list, tuple)):
        by_names = self._writes_call and isinstance(nested, Mapping) and not self._data_keys
        if by_names or _are_symbols(nested):
            ordered = inputs_in_order(self, dict(nested) if isinstance(nested, Mapping) else nested)
            inputs = (tuple(ordered) if self.takes_several else ordered[0], *inputs[1:])
    return Layer._read_call(self, *inputs, **options)


def read_chain_call(self: Any, *inputs: Any, **options: Any) -> LayerCall:
    """The arguments of a call of a chain; symbols in a dict or in nested lists go to the first layer in this form."""
    if inputs and not self._writes_call and _are_symbols(inputs[0]):
        inputs = (in_a_row(self, inputs[0]), *inputs[1:])
    return Layer._read_call(self, *inputs, **options)


def _are_symbols(nested: Any) -> bool:
    """Whether nested dicts and lists hold values of a graph, or of a tape."""
    leaves = leaves_of(nested) if isinstance(nested, (Mapping, list, tuple)) else []
    return bool(leaves) and all(isinstance(leaf, (Drawable, Traced)) for leaf in leaves)


def inputs_in_order(model: Any, inputs: Any) -> list:
    """Data as users pass them, as a list with one entry per input."""
    structure = model._input_structure
    if not isinstance(inputs, dict) or not _keys(model, inputs):
        inputs = model._encoded(inputs)
    if isinstance(inputs, dict):
        inputs = by_name(model, inputs)
    elif isinstance(structure, (list, tuple)) and isinstance(inputs, (list, tuple)):
        inputs = leaves_in(structure, inputs)
    elif not model.takes_several:
        inputs = inputs if isinstance(inputs, list) and len(inputs) == 1 else [inputs]
    if not isinstance(inputs, (list, tuple)) or len(inputs) != len(model.inputs):
        raise DataError(f"{model.label} needs a list of {len(model.inputs)} arrays, or a dict by name")
    return list(inputs)


def by_name(model: Any, mapping: Mapping[str, Any]) -> list:
    """Entries of a dict, one for each input, by the keys that the model was made with, or by the names of the inputs.

    Raises:
        DataError: no data for one of them.
    """
    keys = _keys(model, mapping)
    if not keys:
        names = ", ".join(model._input_names())
        raise DataError(f"{model.label} needs data for {names}, got {', '.join(map(str, mapping))}")
    values = {key: mapping[key] for key in keys}
    return leaves_in(model._input_structure, values) if keys is model._input_structure else list(values.values())


def data_in_a_row(model: Any, inputs: Any) -> Any:
    """Data of a class that writes `call`, a dict or nested ones and lists, as a tuple of arrays; others unchanged."""
    inputs = _arrays_in(inputs) if isinstance(inputs, Mapping) or _holds_arrays(inputs) else inputs
    columns = isinstance(inputs, dict) and inputs and all(isinstance(item, np.ndarray) for item in inputs.values())
    return by_keys(model, inputs) if columns else in_a_row(model, inputs)


def _arrays_in(data: Any) -> Any:
    if isinstance(data, Mapping):
        return {key: _arrays_in(item) for key, item in data.items()}
    if _holds_arrays(data):
        return of_kind(data, list(map(_arrays_in, data)))
    return np.asarray(data)


def _holds_arrays(data: Any) -> bool:
    """Whether a list or tuple holds arrays, or dicts, rather than the numbers or strings of one array."""
    first = data
    while isinstance(first, (list, tuple)) and first:
        first = first[0]
    return first is not data and (isinstance(first, Mapping) or np.ndim(first) > 0)


def shapes_by_name(model: Any, input_shape: Any) -> Any:
    """The shapes of the outputs of a graph; of a dict of shapes in the form of the outputs."""
    if not isinstance(input_shape, Mapping):
        return model.chain.compute_output_shape(input_shape)
    shapes_in_order = by_name(model, input_shape)
    shapes = model.chain.compute_output_shape(tuple(shapes_in_order) if model.takes_several else shapes_in_order[0])
    return shapes if model._structure is None else arranged_as(model._structure, shapes_in(shapes))


def _keys(model: Any, mapping: Mapping[str, Any]) -> Collection[str]:
    """The keys of a dict that say which data belong to which input; empty if one is missing."""
    structure = model._input_structure
    for keys in (structure if isinstance(structure, dict) else [], model._input_names()):
        if keys and set(mapping) >= set(keys):
            return keys
    return []


def _read_each(model: Any, inputs: list) -> list[np.ndarray]:
    """The data of each input as an array of its kind."""
    arrays = []
    for number, (layer, kind, data) in enumerate(zip(model._input_layers, model._input_kinds, inputs, strict=True)):
        array = of_rank(read_inputs(data, kind, layer.label), layer.batch_shape)
        is_cast = kind == "numbers" and array.dtype.kind != "c"
        arrays.append(array.astype(model.dtype, copy=False) if is_cast else as_declared(model, number, array))
    return arrays


def chain_input(model: Any, inputs: Any) -> Any:
    """User data of a chain: those of a first layer that takes several, also by name or nested, as a tuple of arrays."""
    if not model.layers or not (model.takes_several if model.built else _takes_several(model.layers[0], inputs)):
        return inputs
    arrays = data_in_a_row(model, inputs)
    model.takes_several = True
    return tuple(arrays) if isinstance(arrays, (list, tuple)) else arrays


def _takes_several(first: Any, inputs: Any) -> bool:
    """Whether data are several arrays to the first layer of a chain, which is not built."""
    if first.takes_several is None or first._data_keys:  # what it is given decides
        return isinstance(inputs, Mapping) or (isinstance(inputs, (list, tuple)) and _holds_arrays(inputs))
    return bool(first.takes_several) and isinstance(inputs, (Mapping, list, tuple))


def shape_as_given(model: Any) -> Any:
    """The shape of the inputs of a built model, for several in the form in which it is given them."""
    structure = vars(model).get("_input_structure") if model.takes_several else None  # only graphs have one
    shape = model.input_shape
    return in_form(model, shape) if structure is None else arranged_as(structure, shape)


def handed_on(model: Any, index: int, shape: Any) -> Any:
    """The shape that a layer of a chain is built for; it remembers in which form the one before gives its data."""
    layer, before = model.layers[index], model.layers[index - 1]
    if layer.built or not isinstance(shape[0], tuple):
        return shape
    if not index:
        return keyed_shape(layer, in_form(model, shape))
    return shape if before._structure is None else keyed_shape(layer, arranged_as(before._structure, shape))


def adapt_chain(self: Any, data: Any) -> None:
    """Let each layer that is not yet `adapted` see the data, as passed on by the layers before it."""
    self.adapt_until(lambda layer: layer.adapted, data)


def adapt_until(self: Any, ready: Callable[[Layer], bool], data: Any) -> None:
    """As `adapt`, but only until all layers are `ready`."""
    data = chain_input(self, self._encoded(data))
    if isinstance(data, tuple) and self.takes_several:
        shape: Any = tuple((None, *array.shape[1:]) for array in data)
        data = in_form(self, data)
    else:
        data = in_memory(read_inputs(data, self.input_kind, self.label))
        shape = (None, *data.shape[1:])
    self._build_so_far(shape)
    for layer in self.layers:
        if not layer.adapted:
            layer.adapt(data)
            self._build_so_far(shape)
        if all(map(ready, self.layers)):
            break
        data = layer(data)
    self._ensure_built(shape)


def adapt_each(self: Any, data: Any) -> None:
    """Let each layer that is not yet `adapted` see the data, as passed on by the layers before it."""
    if self._drawing is None:
        raise ConfigError(f"{self.label} writes call: let its layers adapt to data themselves")
    values = [in_memory(value) for value in _read_each(self, inputs_in_order(self, data))]
    for layer, taken, *_ in self._drawing.uses():
        batch = [values[number] for number in taken]
        batch = tuple(batch) if layer.takes_several else batch[0]
        if not layer.adapted:
            layer.adapt(batch)
        output = layer(batch)
        values += leaves_of(output)
