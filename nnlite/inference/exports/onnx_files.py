"""Graphs as ONNX files."""

from typing import Any

from nnlite.errors import ConfigError, needed_for
from nnlite.inference.exports.graph import TEXTS, Graph, Node, Port

__all__ = ["check_operators", "onnx_model", "type_number"]

OPSET, ML_OPSET, IR_VERSION = 18, 3, 9
PRODUCER = "nnlite"


def onnx_model(graph: Graph, metadata: dict[str, str] | None = None) -> Any:
    """The `onnx.ModelProto` of a graph, checked by `onnx.checker`.

    Args:
        metadata: texts by key, which the file keeps as `metadata_props`.

    Raises:
        ConfigError: an operator that ONNX does not have.
        MissingLibraryError: the library onnx is not installed.
    """
    check_operators(graph)
    with needed_for("ONNX files are written by onnx", "nnlite[onnx]"):
        from onnx import checker, helper, numpy_helper
    made = helper.make_graph(
        [_node(node) for node in graph.nodes],
        PRODUCER,
        [_port(port) for port in graph.inputs],
        [_port(port) for port in graph.outputs],
        [numpy_helper.from_array(array, name) for name, array in graph.constants.items()],
    )
    opsets = [helper.make_opsetid("", OPSET)]
    if any(node.domain for node in graph.nodes):
        opsets.append(helper.make_opsetid("ai.onnx.ml", ML_OPSET))
    model = helper.make_model(made, producer_name=PRODUCER, opset_imports=opsets, ir_version=IR_VERSION)
    helper.set_model_props(model, metadata or {})
    checker.check_model(model, full_check=True)
    return model


def check_operators(graph: Graph) -> None:
    """`ConfigError` if the graph has an operator that ONNX lacks, naming the layer that needs it."""
    for node in graph.nodes:
        if node.domain == TEXTS:
            raise ConfigError(f"{node.attributes['owner']} has no form in ONNX; a Python file, .py, takes it")


def _node(node: Node) -> Any:
    from onnx import helper

    attributes = dict(node.attributes)
    if node.op == "Cast":
        attributes["to"] = type_number(attributes["to"])
    return helper.make_node(node.op, node.inputs, node.outputs, domain=node.domain, **attributes)


def _port(port: Port) -> Any:
    from onnx import helper

    shape = ["N" if length is None and axis == 0 else length for axis, length in enumerate(port.shape)]
    return helper.make_tensor_value_info(port.name, type_number(port.dtype), shape)


def type_number(dtype: str) -> int:
    """ONNX's number of a type."""
    from onnx import TensorProto

    named = {"float32": "FLOAT", "float64": "DOUBLE"}
    return TensorProto.DataType.Value(named.get(dtype, dtype.upper()))
