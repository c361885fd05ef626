"""Converters that let skl2onnx convert pipelines with nnlite's estimators."""

from collections.abc import Callable
from typing import Any

import numpy as np

from nnlite.data import Classes
from nnlite.errors import ConfigError, needed_for
from nnlite.estimators.class_predictions import SMALLEST
from nnlite.estimators.classifier import NNClassifier
from nnlite.estimators.family.autoencoder import NNAutoencoder
from nnlite.estimators.family.transformer import NNTransformer
from nnlite.estimators.fitting.targets import LabelTargets
from nnlite.estimators.mlp import MLPClassifier, MLPRegressor
from nnlite.estimators.regressor import NNRegressor
from nnlite.inference.exports.columns import class_outputs, column_kinds, encoded_values, in_units
from nnlite.inference.exports.graph import Graph, Value
from nnlite.inference.exports.lowering import activate, lower
from nnlite.inference.exports.onnx_files import check_operators, type_number
from nnlite.inference.exports.simplify import simplify
from nnlite.models.interpretation import link_of

__all__ = ["register_onnx_converters"]


def register_onnx_converters() -> None:
    """Let `skl2onnx.to_onnx` convert pipelines with nnlite's classifiers, regressors and transformers.

    Outputs are those of scikit-learn's models: `label` and `probabilities`, with the options `zipmap`, `nocl` and
    `raw_scores`; or `variable`, the predictions or the transformed samples. Labels that are booleans or integers become
    int64, also where they are kept as floats. An estimator that was fitted on a table takes one input for each of its
    columns, or numbers alone as one matrix.

    Raises:
        MissingLibraryError: skl2onnx is not installed.
    """
    with needed_for("pipelines are converted by skl2onnx", "skl2onnx"):
        from skl2onnx import update_registered_converter
    options = {
        "zipmap": [True, False, "columns"],
        "nocl": [True, False],
        "output_class_labels": [False, True],
        "raw_scores": [True, False],
    }
    for cls in (NNClassifier, MLPClassifier):
        update_registered_converter(
            cls, f"nnlite{cls.__name__}", _shapes_of_classes, _converter(_classes), options=options
        )
    for cls in (NNRegressor, MLPRegressor):
        update_registered_converter(cls, f"nnlite{cls.__name__}", _shape_of_numbers, _converter(_predictions))
    for cls in (NNAutoencoder, NNTransformer):
        converter = _converter(_transformed)
        update_registered_converter(
            cls, f"nnlite{cls.__name__}", _shape_of_numbers, converter, parser=_parse_transformer
        )


def _shapes_of_classes(operator: Any) -> None:
    """Set the types of the labels and probabilities of a classifier."""
    from skl2onnx.common.data_types import Int64TensorType, StringTensorType

    estimator, rows = operator.raw_operator, operator.inputs[0].get_first_dimension()
    labels = _labels(estimator, operator.scope_inst)
    shape = [rows, len(labels)] if _is_multilabel(estimator) else [rows]
    operator.outputs[0].set_type((StringTensorType if isinstance(labels[0], str) else Int64TensorType)(shape=shape))
    operator.outputs[1].type.shape = [rows, len(labels)]


def _shape_of_numbers(operator: Any) -> None:
    """Set the shape of the predictions of a regressor, or of transformed samples."""
    estimator = operator.raw_operator
    width = int(np.prod(_model_of(estimator).output_shape[1:]))
    operator.outputs[0].type.shape = [operator.inputs[0].get_first_dimension(), width]


def _parse_transformer(scope: Any, estimator: Any, inputs: list[Any], custom_parsers: Any = None) -> list[Any]:
    """The operator of a transformer, which has one output; skl2onnx takes a detector of outliers for a classifier."""
    from skl2onnx import get_model_alias
    from skl2onnx.common.data_types import guess_tensor_type

    operator = scope.declare_local_operator(get_model_alias(type(estimator)), estimator)
    operator.inputs = inputs
    operator.outputs.append(scope.declare_local_variable("variable", guess_tensor_type(inputs[0].type)))
    return operator.outputs


def _model_of(estimator: Any) -> Any:
    """The network that makes an estimator's outputs: of an autoencoder, the half that transforms."""
    return estimator.encoder_ if isinstance(estimator, NNAutoencoder) else estimator.model_


def _labels(estimator: Any, scope: Any) -> list[int] | list[str]:
    """The labels as the graph gives them: integers, or strings."""
    labels = np.asarray(estimator.classes_)
    if scope.get_options(estimator, {"nocl": False}, fail=False).get("nocl"):
        return list(range(len(labels)))
    if labels.dtype.kind == "f" and (labels % 1).any():
        raise ConfigError(f"labels in ONNX are integers or strings; got {labels.tolist()}: fit on strings")
    return [str(label) for label in labels] if labels.dtype.kind in "OUS" else labels.astype(int).tolist()


def _is_multilabel(estimator: Any) -> bool:
    if isinstance(estimator, MLPClassifier):
        return estimator._multilabel
    return isinstance(estimator._targets, LabelTargets)


def _converter(outputs: Callable[[Any, Value, Any], list[Value]]) -> Callable[[Any, Any, Any], None]:
    """A converter for skl2onnx, of a function that makes an estimator's outputs of its model's matrix."""

    def convert(scope: Any, operator: Any, container: Any) -> None:
        estimator, graph = operator.raw_operator, Graph()
        for index, value in enumerate(outputs(estimator, _matrix(graph, estimator, operator.inputs), scope)):
            kind = _type_of(operator.outputs[index])
            graph.output(f"output{index}", value if kind == "string" else value.cast(kind), kind, (None,))
        simplify(graph)
        _add_nodes(graph, scope, operator, container)

    return convert


def _type_of(variable: Any) -> str:
    """NumPy's name of the type of a variable of skl2onnx."""
    names = {"FloatTensorType": "float32", "DoubleTensorType": "float64", "StringTensorType": "string"}
    return names.get(type(variable.type).__name__, "int64")


def _matrix(graph: Graph, estimator: Any, variables: list[Any]) -> Value:
    """The matrix that the estimator's model takes, of its inputs: one of numbers, or columns of a table."""
    values = [graph.input(f"input{index}", _type_of(port), (None, None)) for index, port in enumerate(variables)]
    model = _model_of(estimator)
    encoder: Any = model.encoder
    if encoder is None or encoder.is_identity:
        return graph.concat([value.cast("float32") for value in values], axis=1)
    given_columns = [
        (port.raw_name, kind, value.take([index], axis=1))
        for port, value in zip(variables, values, strict=True)
        for kind, width in [(_type_of(port), port.type.shape[1] or 1)]
        for index in range(width)
    ]
    by_name = len(variables) > 1 and encoder.named
    names = [name for name, _, _ in given_columns] if by_name else encoder.names
    table = dict(zip(names, given_columns, strict=False))
    kinds = column_kinds(encoder)
    missing = [name for name in kinds if name not in table]
    if missing:
        raise ConfigError(f"the estimator was fitted on a table, and no input is its column {', '.join(missing)}")
    columns = {name: _column(name, kind, *table[name][1:]) for name, kind in kinds.items()}
    return encoded_values(encoder, columns, model.dtype)


def _column(name: str, kind: str, dtype: str, value: Value) -> Value:
    """A raw column in the type that its encoder reads."""
    if (dtype == "string") != (kind in ("category", "text")):
        raise ConfigError(f"column {name!r} of the estimator holds a {kind}, the input of the pipeline is {dtype}")
    return value if dtype == "string" else value.cast("float64")


def _classes(estimator: Any, x: Value, scope: Any) -> list[Value]:
    """Labels, and probabilities or the scores of `decision_function`."""
    labels, model, graph = _labels(estimator, scope), estimator.model_, x.graph
    outputs = activate(link_of(model), lower(model, x))
    if _is_multilabel(estimator):
        label, probabilities = outputs > 0.5, outputs
    else:
        kind = "binary" if model.output_shape[-1] == 1 and len(labels) == 2 else "sparse"
        label, probabilities = class_outputs(outputs, Classes("label", labels, kind))
    if not scope.get_options(estimator, {"raw_scores": False}, fail=False).get("raw_scores"):
        return [label, probabilities]
    logs = probabilities.apply("Max", float(SMALLEST)).apply("Log")
    if _is_multilabel(estimator):
        return [label, logs - (1 - probabilities).apply("Max", float(SMALLEST)).apply("Log")]
    if len(labels) != 2:
        return [label, logs]
    score = logs.take([1], axis=1) - logs.take([0], axis=1)
    return [label, graph.concat([-score, score], axis=1)]


def _predictions(estimator: Any, x: Value, scope: Any) -> list[Value]:
    """The numbers that a regressor predicts, in their own units."""
    model = estimator.model_
    outputs = activate(link_of(model), lower(model, x))
    return [outputs if model.target is None else in_units(outputs, model.target)]


def _transformed(estimator: Any, x: Value, scope: Any) -> list[Value]:
    """The transformed samples, a row of numbers each."""
    return [lower(_model_of(estimator), x).reshape(0, -1)]


def _add_nodes(graph: Graph, scope: Any, operator: Any, container: Any) -> None:
    """Add a graph to the container of skl2onnx, under names that are free there."""
    check_operators(graph)
    names = {port.name: variable.full_name for port, variable in zip(graph.inputs, operator.inputs, strict=True)}
    names |= {port.name: variable.full_name for port, variable in zip(graph.outputs, operator.outputs, strict=True)}

    def name_of(name: str) -> str:
        if name and name not in names:
            names[name] = scope.get_unique_variable_name(f"nnlite_{name}")
        return names.get(name, "")

    for name, array in graph.constants.items():
        container.add_initializer(name_of(name), *_tensor(array))
    for node in graph.nodes:
        attributes = dict(node.attributes)
        if node.op == "Cast":
            attributes["to"] = type_number(attributes["to"])
        container.add_node(
            node.op,
            [name_of(name) for name in node.inputs],
            [name_of(name) for name in node.outputs],
            op_domain=node.domain,
            op_version=OPERATORS.get(node.op, 13) if not node.domain else 2,
            name=scope.get_unique_operator_name(f"nnlite_{node.op}"),
            **attributes,
        )


OPERATORS = {"ReduceMean": 18, "ReduceMax": 18, "Relu": 14, "Reshape": 14, "Where": 16}  # 13 for the others


def _tensor(array: np.ndarray) -> tuple[int, list[int], list]:
    """Type, shape and values of a constant."""
    kinds = {"f": "float64" if array.dtype == np.float64 else "float32", "i": "int64", "b": "bool"}
    kind = kinds.get(array.dtype.kind, "string")
    values = [str(cell).encode() for cell in array.ravel()] if kind == "string" else array.ravel().tolist()
    return type_number(kind), list(array.shape), values
