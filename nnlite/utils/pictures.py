"""plot_model: a diagram of a model's graph, drawn without external programs."""

import os
from collections.abc import Iterator
from html import escape
from os import PathLike
from pathlib import Path
from typing import Any, Literal, NamedTuple

from nnlite.charts.markup import element, text_width
from nnlite.errors import ConfigError
from nnlite.layers import Graph

__all__ = ["Dot", "model_to_dot", "plot_model"]

LINE, MARGIN, GAP = 18.0, 12.0, 34.0  # the height of a line of text, the space around it, between the boxes


class Box(NamedTuple):
    """A layer in the diagram.

    Attributes:
        lines: what is written in it.
        sources: the indices of the boxes whose outputs it takes.
    """

    lines: list[str]
    sources: list[int]


def plot_model(
    model: Any,
    to_file: str | PathLike | None = "model.svg",
    show_shapes: bool = False,
    show_dtype: bool = False,
    show_layer_names: bool = False,
    rankdir: Literal["TB", "LR"] = "TB",
    expand_nested: bool = False,
    dpi: int = 200,
    show_layer_activations: bool = False,
    show_trainable: bool = False,
    splines: str = "ortho",
) -> str:
    """Draw the layers of a model and their connections as an SVG, which browsers and notebooks display.

    Args:
        model: a built model.
        to_file: path of the file, ending in `.svg`; None writes no file.
        show_shapes, show_dtype, show_layer_names, show_layer_activations, show_trainable: what the boxes show in
            addition to the class of the layer.
        rankdir: "TB" from top to bottom, "LR" from left to right.
        expand_nested: draw nested chains layer by layer.
        dpi, splines: accepted; an SVG has no resolution, and arrows are straight.

    Returns:
        The text of the picture.

    Raises:
        ConfigError: a file of another kind. NotReadyError: a model that is not built.

    >>> from nnlite import Input, Sequential
    >>> from nnlite.layers import Dense
    >>> plot_model(Sequential([Input((2,)), Dense(3)], seed=0), None)[:4]
    '<svg'
    """
    if to_file is not None and os.path.splitext(os.fspath(to_file))[1] != ".svg":
        raise ConfigError(f"the picture is an SVG: give a name that ends in .svg, got {os.fspath(to_file)!r}")
    shown = _shown(show_layer_names, show_shapes, show_dtype, show_layer_activations, show_trainable)
    picture = _drawn(list(_boxes(model, shown, expand_nested)), rankdir == "LR")
    if to_file is not None:
        Path(to_file).write_text(picture, encoding="utf-8")
    return picture


class Dot:
    """A graph in Graphviz's DOT language.

    Args:
        text: its description.
    """

    def __init__(self, text: str) -> None:
        self.text = text

    def to_string(self) -> str:
        """The description."""
        return self.text

    def write(self, path: str | PathLike, prog: str | None = None, format: str = "raw") -> bool:
        """Write the description to a file; Graphviz renders it, or `plot_model` without Graphviz.

        Raises:
            ConfigError: another format than `"raw"`.
        """
        if format != "raw":
            raise ConfigError(f"a description is written, format='raw', got {format!r}; plot_model writes a picture")
        Path(path).write_text(self.text, encoding="utf-8")
        return True

    def __str__(self) -> str:
        return self.text


def model_to_dot(
    model: Any,
    show_shapes: bool = False,
    show_dtype: bool = False,
    show_layer_names: bool = True,
    rankdir: Literal["TB", "LR"] = "TB",
    expand_nested: bool = False,
    dpi: int = 200,
    subgraph: bool = False,
    show_layer_activations: bool = False,
    show_trainable: bool = False,
    splines: str = "ortho",
) -> Dot:
    """The layers of a model and their connections as a graph for Graphviz; arguments as for `plot_model`.

    Args:
        dpi, splines: written into the graph.
        subgraph: whether it is a cluster, to be put into another graph.

    Returns:
        A `Dot`, with `to_string()` and `write(path)`; pydot is not needed.

    >>> from nnlite import Input, Sequential
    >>> from nnlite.layers import Dense
    >>> print(model_to_dot(Sequential([Input((2,)), Dense(3, name="d")], seed=0)).to_string().splitlines()[4])
      n1 [label="d (Dense)"];
    """
    shown = _shown(show_layer_names, show_shapes, show_dtype, show_layer_activations, show_trainable)
    boxes = list(_boxes(model, shown, expand_nested))
    lines = [f'  rankdir={rankdir}; dpi={dpi}; splines="{splines}";', "  node [shape=box];"]
    for number, box in enumerate(boxes):
        label = "\\n".join(line.replace("\\", "\\\\").replace('"', '\\"') for line in box.lines)
        lines += [f'  n{number} [label="{label}"];', *(f"  n{source} -> n{number};" for source in box.sources)]
    kind = "subgraph cluster_model" if subgraph else "digraph model"
    return Dot("\n".join([f"{kind} {{", *lines, "}", ""]))


def _shown(*columns: bool) -> dict[str, bool]:
    return dict(zip(("names", "shapes", "dtype", "activations", "trainable"), columns, strict=True))


def _boxes(model: Any, shown: dict[str, bool], nested: bool) -> Iterator[Box]:
    """The inputs, then each use of a layer after those that it takes."""
    model._need_built()
    inputs = model.input_shape if model.takes_several else [model.input_shape]
    names = model.input_names
    for name, shape in zip(names, inputs, strict=True):
        yield Box([f"{name} {shape}" if shown["shapes"] else name], [])
    if isinstance(model.chain, Graph):
        places = list(range(model.chain.inputs))  # of the values among the boxes
        count = len(places)
        for use in model.chain.uses:
            yield Box(_lines(use.layer, shown), [places[value] for value in use.inputs])
            places += [count] * len(use.outputs)
            count += 1
        return
    for index, layer in enumerate(_in_line(model, nested)):
        yield Box(_lines(layer, shown), [index])


def _in_line(model: Any, nested: bool) -> Iterator[Any]:
    for layer in model.layers:
        if nested and layer.chain is not None and layer.chain.line is not None:
            yield from _in_line(layer, True)
        else:
            yield layer


def _lines(layer: Any, shown: dict[str, bool]) -> list[str]:
    kind = type(layer).__name__
    activation = layer._final_activation
    said = {
        "names": f"{layer.name} ({kind})" if layer.name else kind,
        "shapes": f"{layer.input_shape} → {layer.output_shape}",
        "dtype": str(layer.dtype),
        "activations": "" if activation is None else f"activation: {type(activation).__name__}",
        "trainable": "trainable" if layer.trainable else "not trainable",
    }
    first = said.pop("names") if shown["names"] else kind
    return [first, *(text for name, text in said.items() if shown[name] and text)]


def _drawn(boxes: list[Box], sideways: bool) -> str:
    """The picture: boxes in ranks, each behind those that it takes, and arrows between them."""
    ranks: list[int] = []
    for box in boxes:
        ranks.append(1 + max((ranks[source] for source in box.sources), default=-1))
    sizes = [(max(map(text_width, box.lines)) * 1.25 + 2 * MARGIN, LINE * len(box.lines) + 2 * MARGIN) for box in boxes]
    corners, width, height = _placed(ranks, sizes, sideways)
    edges = [(source, place) for place, box in enumerate(boxes) for source in box.sources]
    parts = [_arrow(corners, sizes, *edge, sideways) for edge in edges]
    for (left, top), (across, down), box in zip(corners, sizes, boxes, strict=True):
        parts.append(element("rect", x=left, y=top, width=across, height=down, rx=4, fill="#eef3fa", stroke="#456"))
        for number, line in enumerate(box.lines):
            place = {"x": left + across / 2, "y": top + MARGIN + LINE * (number + 0.75), "text_anchor": "middle"}
            parts.append(element("text", escape(line), **place))
    head = element("marker", element("path", d="M0 0L8 4L0 8z", fill="#456"), **_HEAD)
    style = {"font_family": "sans-serif", "font_size": 13, "fill": "#123"}
    view = f"0 0 {width:g} {height:g}"
    content = element("defs", head) + "".join(parts)
    return element(
        "svg", content, xmlns="http://www.w3.org/2000/svg", viewBox=view, width=width, height=height, **style
    )


_HEAD = {"id": "head", "markerWidth": 8, "markerHeight": 8, "refX": 7, "refY": 4, "orient": "auto"}


def _placed(ranks: list[int], sizes: list[tuple[float, float]], sideways: bool) -> tuple[list, float, float]:
    """The corner of each box, rank after rank, centered in its rank; the width and the height of the whole."""
    along, across = (0, 1) if sideways else (1, 0)
    levels = [[index for index, rank in enumerate(ranks) if rank == level] for level in range(max(ranks) + 1)]
    breadth = [sum(sizes[index][across] + GAP for index in level) for level in levels]
    corners: list[Any] = [None] * len(ranks)
    start = GAP / 2
    for level, wide in zip(levels, breadth, strict=True):
        aside = (max(breadth) - wide + GAP) / 2
        for index in level:
            corners[index] = (start, aside) if sideways else (aside, start)
            aside += sizes[index][across] + GAP
        start += max(sizes[index][along] for index in level) + GAP
    width, height = (start, max(breadth)) if sideways else (max(breadth), start)
    return corners, width, height


def _arrow(corners: list, sizes: list, source: int, target: int, sideways: bool) -> str:
    (left, top), (wide, high) = corners[source], sizes[source]
    (x, y), (across, down) = corners[target], sizes[target]
    start = (left + wide, top + high / 2) if sideways else (left + wide / 2, top + high)
    end = (x, y + down / 2) if sideways else (x + across / 2, y)
    path = f"M{start[0]:g} {start[1]:g}L{end[0]:g} {end[1]:g}"
    return element("path", d=path, stroke="#456", fill="none", marker_end="url(#head)")
