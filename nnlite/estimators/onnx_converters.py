"""Estimators inside scikit-learn pipelines that skl2onnx converts."""

from typing import Any

import numpy as np
from sklearn.base import is_classifier

from nnlite.data import Classes, TargetEncoder
from nnlite.errors import ConfigError, needed_for
from nnlite.estimators.classifier import NNClassifier
from nnlite.estimators.mlp import MLPClassifier, MLPRegressor
from nnlite.estimators.regressor import NNRegressor
from nnlite.inference.exports.columns import answers
from nnlite.inference.exports.graph import Graph
from nnlite.inference.exports.lowering import activate, lower
from nnlite.inference.exports.onnx_files import type_number
from nnlite.inference.exports.simplify import simplify
from nnlite.models.interpretation import link_of

__all__ = ["register_onnx_converters"]


def register_onnx_converters() -> None:
    """Let `skl2onnx.to_onnx` convert pipelines that end in nnlite's classifiers and regressors.

    Outputs are those of scikit-learn's models: `label` and `probabilities`, with the option `zipmap`, or `variable`.
    The estimator must be fitted on numbers; tables are converted whole by `estimator.export("model.onnx")`.

    Raises:
        MissingLibraryError: skl2onnx is not installed.
    """
    with needed_for("pipelines are converted by skl2onnx", "skl2onnx"):
        from skl2onnx import update_registered_converter
        from skl2onnx.common import shape_calculator
    classifiers = shape_calculator.calculate_linear_classifier_output_shapes
    regressors = shape_calculator.calculate_linear_regressor_output_shapes
    options = {"zipmap": [True, False, "columns"], "nocl": [True, False], "output_class_labels": [False, True]}
    for cls in (NNClassifier, MLPClassifier):
        update_registered_converter(cls, f"nnlite{cls.__name__}", classifiers, _convert, options=options)
    for cls in (NNRegressor, MLPRegressor):
        update_registered_converter(cls, f"nnlite{cls.__name__}", regressors, _convert)


def _convert(scope: Any, operator: Any, container: Any) -> None:
    """Add the nodes of a fitted estimator to the container of skl2onnx."""
    estimator = operator.raw_operator
    graph = _graph(estimator)
    names = {"input": operator.inputs[0].full_name}
    outputs = [port.name for port in graph.outputs]
    names |= {ours: given.full_name for ours, given in zip(outputs, operator.outputs, strict=True)}

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
            op_version=OPERATORS.get(node.op, 13),
            name=scope.get_unique_operator_name(f"nnlite_{node.op}"),
            **attributes,
        )


OPERATORS = {"ReduceMean": 18, "ReduceMax": 18, "Relu": 14, "Reshape": 14, "Where": 16}  # 13 for the others


def _graph(estimator: Any) -> Graph:
    """The graph of an estimator that was fitted on a matrix of numbers; its outputs are those of an ONNX file."""
    model, width = estimator.model_, estimator.n_features_in_
    encoder = model.encoder
    if encoder is not None and not encoder.is_identity:
        raise ConfigError(
            "the estimator was fitted on a table with text or gaps, whose encoding is no part of a pipeline; "
            "export it by estimator.export, or encode the table by a ColumnTransformer before it"
        )
    graph = Graph()
    x = graph.input("input", "float32", (None, width)).cast("float32")
    outputs = lower(model, x)
    answers(graph, activate(link_of(model), outputs), _target(estimator, model), (None, *model.output_shape[1:]))
    simplify(graph)
    return graph


def _target(estimator: Any, model: Any) -> TargetEncoder | None:
    """The classes of a classifier; None for a regressor, whose outputs are the answers."""
    if not is_classifier(estimator):
        return model.target
    labels = estimator.classes_
    if isinstance(labels, list) or np.ndim(labels[0]):
        raise ConfigError("labels of several columns have no form in a pipeline; export by estimator.export")
    kind = "binary" if model.output_shape[-1] == 1 and len(labels) == 2 else "sparse"
    return Classes("label", labels.tolist(), kind)


def _tensor(array: np.ndarray) -> tuple[int, list[int], list]:
    """Type, shape and values of a constant."""
    kinds = {"f": "float64" if array.dtype == np.float64 else "float32", "i": "int64", "b": "bool"}
    kind = kinds.get(array.dtype.kind, "string")
    values = [str(cell).encode() for cell in array.ravel()] if kind == "string" else array.ravel().tolist()
    return type_number(kind), list(array.shape), values
