"""Simplification of a graph, with the same outputs: transposes move down until they meet, and cancel."""

from collections import Counter

import numpy as np

from nnlite.inference.exports.graph import Graph, Node

__all__ = ["simplify"]

UNARY = {
    *("Relu", "Tanh", "Sigmoid", "Exp", "Log", "Sqrt", "Neg", "Abs", "Erf", "Elu", "Selu", "Celu", "LeakyRelu"),
    *("Softsign", "Cast", "Sign", "Cos", "Sin"),
}
BINARY = {"Add", "Sub", "Mul", "Div", "Max", "Min"}


def simplify(graph: Graph) -> None:
    """Change the graph in place."""
    while _move_one(graph):
        pass
    _drop_unused(graph)


def _move_one(graph: Graph) -> bool:
    """Move or cancel one transpose; whether there was one."""
    uses = Counter(name for node in graph.nodes for name in node.inputs)
    made = {node.outputs[0]: node for node in graph.nodes}
    for index, node in enumerate(graph.nodes):
        before = [made.get(name) for name in node.inputs]
        moved = [other for other in before if other is not None and other.op == "Transpose"]
        if not moved:
            continue
        transpose, source = moved[0], moved[0].inputs[0]
        if node.op == "Transpose":
            order = [transpose.attributes["perm"][axis] for axis in node.attributes["perm"]]
            unchanged = order == sorted(order)
            graph.nodes[index] = Node("Identity" if unchanged else "Transpose", [source], node.outputs, {"perm": order})
            if unchanged:
                _bypass(graph, graph.nodes[index])
            return True
        if uses[transpose.outputs[0]] == 1 and (node.op in UNARY or _with_constant(graph, node, transpose)):
            _push_down(graph, index, node, transpose)
            return True
    return False


def _bypass(graph: Graph, identity: Node) -> None:
    """Let what used an identity's output use its input; the graph's own outputs keep their names."""
    (source,), (name,) = identity.inputs, identity.outputs
    if name in {port.name for port in graph.outputs}:
        return
    graph.nodes.remove(identity)
    for node in graph.nodes:
        node.inputs = [source if other == name else other for other in node.inputs]


def _with_constant(graph: Graph, node: Node, transpose: Node) -> bool:
    """Whether a node has two inputs, the transposed value and a constant of no more axes."""
    if node.op not in BINARY or len(node.inputs) != 2:
        return False
    (other,) = [name for name in node.inputs if name != transpose.outputs[0]] or [""]
    rank = len(transpose.attributes["perm"])
    return other in graph.constants and graph.constants[other].ndim <= rank


def _push_down(graph: Graph, index: int, node: Node, transpose: Node) -> None:
    """op(transpose(x)) becomes transpose(op(x)); constants are transposed back."""
    order, result = transpose.attributes["perm"], node.outputs[0]
    inputs = []
    for name in node.inputs:
        if name == transpose.outputs[0]:
            inputs.append(transpose.inputs[0])
        else:
            array = graph.constants[name]
            array = array.reshape((1,) * (len(order) - array.ndim) + array.shape)
            inputs.append(graph.constant(array.transpose(np.argsort(order))).name)
    inner = f"{result}_t"
    graph.nodes[index] = Node(node.op, inputs, [inner], node.attributes, node.domain)
    graph.nodes.insert(index + 1, Node("Transpose", [inner], [result], {"perm": order}))
    graph.nodes.remove(transpose)


def _drop_unused(graph: Graph) -> None:
    wanted = {port.name for port in graph.outputs}
    used: list[Node] = []
    for node in reversed(graph.nodes):
        if wanted & set(node.outputs):
            used.append(node)
            wanted |= set(node.inputs)
    graph.nodes = used[::-1]
    graph.constants = {name: array for name, array in graph.constants.items() if name in wanted}
