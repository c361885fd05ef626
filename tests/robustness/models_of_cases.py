"""A model of one layer for each row of the table of layers."""

from typing import Any

from nnlite import Input, Model, Sequential, layers


def model_of(case: Any) -> Sequential | Model:
    """A model of the row's layer alone."""
    layer = layers.Layer.get(case.prepared()[0].to_spec())
    if case.several:
        inputs = [Input(shape[1:]) for shape in case.shapes]
        return Model(inputs, layer(inputs), seed=0)
    kind: Any = {"strings": "string", "indices": "int64", "categories": "string"}.get(layer.input_kind)
    return Sequential([Input(case.shape[1:], dtype=kind), layer], seed=0)
