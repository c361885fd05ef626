"""Export of a model, with its encoder and target, to a format that runs without nnlite."""

import json
from collections.abc import Sequence
from os import PathLike
from pathlib import Path
from typing import Any, get_args

import numpy as np

from nnlite.config import WholeType
from nnlite.data import Classes, Columns, Dates, Labels, Quantities, TableEncoder, TargetEncoder
from nnlite.errors import ConfigError
from nnlite.inference.exports.c_headers import c_header
from nnlite.inference.exports.columns import answers, column_kinds, encoded_columns
from nnlite.inference.exports.graph import Graph, Value
from nnlite.inference.exports.lowering import activate, lower
from nnlite.inference.exports.meanings import amounts_scaled, meanings_of_inputs
from nnlite.inference.exports.onnx_files import onnx_model
from nnlite.inference.exports.python_files import RawColumns, python_files
from nnlite.inference.exports.simplify import simplify
from nnlite.layers import Activation, Layer, Rescaling
from nnlite.models.drawn.ends import dtypes_of_outputs
from nnlite.models.interpretation import link_of
from nnlite.saving import write_atomically

__all__ = ["FORMATS", "export_model", "graph_of"]

FORMATS = {"onnx": ".onnx", "python": ".py", "c": ".h"}  # and the endings of their files
NO_CHAIN = "a C header holds chains of dense layers alone; Python files and ONNX hold graphs and other layers too"
INPUT_TYPES = {"numbers": "float32", "indices": "int64", "strings": "string", "categories": "string"}


def export_model(
    model: Any, filepath: str | PathLike, target: TargetEncoder | None = None, format: str | None = None
) -> list[str]:
    """Write a built model in a format that runs without nnlite; returns the paths of the files.

    Args:
        model: with its encoder and its target, where it has them.
        filepath: ends in `.onnx`, `.py` or `.h`, unless a format is given.
        target: what the outputs mean, in place of the model's own.
        format: one of `FORMATS`; None for what the ending of the path says.

    Raises:
        ConfigError: another ending or format, or a layer, an activation or an encoding without a form in the format.
        MissingLibraryError: ONNX without the library onnx.
    """
    path = Path(filepath)
    model._need_built()
    model._check_ready()
    if format is not None and format not in FORMATS:
        raise ConfigError(f"unknown format {format!r}; a model is exported as {', '.join(FORMATS)}", ("format",))
    ending = path.suffix if format is None else FORMATS[format]
    if ending not in FORMATS.values():
        raise ConfigError(f"{path}: a model is exported as .onnx, .py or .h")
    written: list[str] = []
    for name, content in _contents(model, path, ending, target).items():
        write_atomically(path.with_name(name), content)
        written.append(str(path.with_name(name)))
    return written


def _contents(model: Any, path: Path, ending: str, target: TargetEncoder | None) -> dict[str, bytes]:
    """File name -> content."""
    if ending == ".h":
        if model.takes_several or any(stage.layer.takes_several for stage in model.chain.line or ()):
            raise ConfigError(NO_CHAIN)
        interpretation = model._interpretation
        target = target or interpretation.target
        layers = [*amounts_scaled(interpretation.encoder), *_flat(model), *_answering(model, target)]
        inputs = meanings_of_inputs(interpretation.encoder)
        return {path.name: c_header(layers, path.stem, inputs, _meanings_of_outputs(model, target)).encode()}
    graph = graph_of(model, target)
    if ending == ".py":
        return python_files(graph, path.name, _raw(model), _labels(target or model._interpretation.target))
    return {path.name: onnx_model(graph, _metadata(model, target)).SerializeToString()}


def _meanings_of_outputs(model: Any, target: TargetEncoder | None) -> list[str]:
    labels = _labels(target)
    if target is None or labels is None:
        return [] if target is None else list(target.columns)
    chances = [f"probability of {label}" for label in labels]
    return chances[-1:] if model.output_shape[-1] == 1 else chances


def _answering(model: Any, target: TargetEncoder | None) -> list[Layer]:
    """Layers after a model's own: probabilities of logits, amounts in their own unit."""
    layers: list[Layer] = []
    link = link_of(model)
    if target is not None and link is not None:
        layers.append(Activation(link))
    if isinstance(target, Quantities):
        layers.append(Rescaling(target.scale, target.mean))
        if target.transform is not None:
            layers += [Activation("exponential"), Rescaling(1.0, -1.0 if target.transform == "log1p" else 0.0)]
    outputs = np.zeros((1, *model.output_shape[1:]), np.float32)
    for layer in layers:
        outputs = layer(outputs)  # builds it
    return layers


def _flat(model: Any) -> list[Any]:
    """The layers in a row, those of models inside one by one."""
    stages = model.chain.line
    if stages is None:
        raise ConfigError(NO_CHAIN)
    return [layer for stage in stages for layer in ([stage.layer] if stage.layer.chain is None else _flat(stage.layer))]


def graph_of(model: Any, target: TargetEncoder | None = None) -> Graph:
    """The graph of a model: from raw columns or arrays to answers or outputs."""
    graph, interpretation = Graph(), model._interpretation
    target = target or interpretation.target
    outputs: Any = lower(model, _inputs(graph, model))
    if isinstance(outputs, list):
        ends = zip(model.output_names, outputs, dtypes_of_outputs(model), model.output_shape, strict=True)
        for name, value, kind, shape in ends:
            graph.output(name, _as_numbers(value, kind), "float32", (None, *shape[1:]))
    else:
        if target is not None:
            outputs = activate(link_of(model), outputs)
        kind = model._output_dtype
        outputs = outputs if kind == "int64" else _as_numbers(outputs, kind)
        answers(graph, outputs, target, (None, *model.output_shape[1:]), kind)
    simplify(graph)
    return graph


def _as_numbers(value: Value, kind: str) -> Value:
    """An output as numbers of float32, which the graph states: integers are cast."""
    return value.cast("float32") if kind in get_args(WholeType) else value


def _inputs(graph: Graph, model: Any) -> Value | list[Value]:
    encoder = model._interpretation.encoder
    if isinstance(encoder, Columns | TableEncoder):
        return encoded_columns(graph, encoder, model.dtype)
    if not model.takes_several:
        return graph.input("input", INPUT_TYPES[model.input_kind], (None, *model.input_shape[1:]))
    names, kinds = _names_and_kinds(model)
    return [
        graph.input(name, INPUT_TYPES[kind], (None, *shape[1:]))
        for name, kind, shape in zip(names, kinds, model.input_shape, strict=True)
    ]


def _names_and_kinds(model: Any) -> tuple[Sequence[str], list[str]]:
    """The names and kinds of several inputs; those of a chain are numbered unless they are given by name."""
    if vars(model).get("_drawing") is None:
        count = len(model.input_shape)
        return model._data_keys or [f"input_{number + 1}" for number in range(count)], [model.input_kind] * count
    return model._input_names(), [layer.input_kind for layer in model._input_layers]


def _raw(model: Any) -> RawColumns | None:
    interpretation = model._interpretation
    if not isinstance(interpretation.encoder, Columns | TableEncoder):
        return None
    source: dict[str, Any] = next(iter((interpretation.source or {}).values()), {})
    dialect = {key: source[key] for key in ("delimiter", "decimal", "encoding") if source.get(key, "auto") != "auto"}
    if str(dialect.get("encoding", "")).lower() in ("utf-8", "utf8"):
        del dialect["encoding"]  # the default reads it with and without its mark
    forms = {
        column.name: column.form
        for column in interpretation.encoder.columns
        if isinstance(column, Dates) and column.form
    }
    return RawColumns(column_kinds(interpretation.encoder), forms, **dialect)


def _metadata(model: Any, target: TargetEncoder | None) -> dict[str, str]:
    from nnlite import __version__

    interpretation = model._interpretation
    raw, target = _raw(model), target or interpretation.target
    told = {"nnlite_version": __version__}
    if raw is not None:
        told["columns"] = json.dumps(raw.kinds)
    if target is not None:
        told["target"] = json.dumps(list(target.columns))
    if (labels := _labels(target)) is not None:
        told["labels"] = json.dumps(labels)
    return told


def _labels(target: TargetEncoder | None) -> list | None:
    """The classes, or labels, of a target that has them."""
    return list(target.labels) if isinstance(target, Classes | Labels) else None
