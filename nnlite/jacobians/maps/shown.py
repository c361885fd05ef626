"""Jacobians as a notebook shows them: what they are made of, their shapes, the bytes kept, and how large they are."""

import math
from collections.abc import Iterator, Sequence
from html import escape
from typing import TYPE_CHECKING, Any

import numpy as np

from nnlite.arrays.types import Shape
from nnlite.charts import html_table, notebook, number_text
from nnlite.config import dense_limit

__all__ = ["Shown", "readable_bytes", "shown_as_html"]

HEAD = ("map", "kind", "shape", "kept", "if dense", "norm")
MOST_MEASURED = 2**22  # entries of a map whose norm is computed for display
MOST_LINES = 200

Line = tuple[str, str, str, str, str, str]


class Shown:
    """What a notebook shows of a map: a line for each of those that it is made of.

    A subclass has shapes, `parts`, sizes and `todense`: it is a `Jacobian`.
    """

    __slots__ = ()

    if TYPE_CHECKING:
        in_shape: Shape
        out_shape: Shape
        shape: tuple[int, ...]
        nbytes: int
        dense_nbytes: int

        def parts(self) -> Sequence[tuple[str, Any]]: ...
        def todense(self) -> np.ndarray: ...

    def _repr_html_(self) -> str:
        return shown_as_html(self)


def shown_as_html(jacobian: Shown, labels: Sequence[tuple[str, Sequence[str]]] = ()) -> str:
    """A table with a line for each map that `jacobian` is made of, itself first.

    Args:
        jacobian: any map.
        labels: `(label, names of its inputs)` of each part, where better ones than those of `parts` are known.
    """
    lines, parts = [_line("", jacobian, 0)], jacobian.parts()
    for number, (label, part) in enumerate(parts):
        name, inputs = labels[number] if len(labels) == len(parts) else (label, ())
        lines += _lines(name, part, inputs, 1)
    left_out = f"<p>{len(lines) - MOST_LINES} more maps.</p>" if len(lines) > MOST_LINES else ""
    explained = "<p>Norm: Frobenius, of the dense form; left out where that has more than 4 million entries.</p>"
    table = html_table(HEAD, lines[:MOST_LINES], numbers=(3, 4, 5), raw=(0,))
    return notebook(f"{table}{left_out}{explained}", width=1000)


def readable_bytes(count: int) -> str:
    """A number of bytes as people read it: `3.2 GiB`."""
    power = min(max(count, 1).bit_length() - 1, 49) // 10
    unit = ("B", "KiB", "MiB", "GiB", "TiB")[power]
    return f"{count / 1024**power:.3g} {unit}" if power else f"{count} B"


def _lines(label: str, part: Any, inputs: Sequence[str], depth: int) -> Iterator[Line]:
    yield _line(label, part, depth)
    for own, piece in part.parts():
        name = inputs[int(own)] if own.isdigit() and inputs else own
        yield from _lines(name, piece, (), depth + 1)


def _line(label: str, part: Any, depth: int) -> Line:
    name = f'<span style="padding-left:{depth}em">{escape(label)}</span>'
    if not isinstance(part, Shown):
        return name, "", "", readable_bytes(_kept(part)), "", ""
    shape = f"{part.in_shape} to {part.out_shape}"
    kept, dense = readable_bytes(part.nbytes), readable_bytes(part.dense_nbytes)
    return name, type(part).__name__, shape, kept, dense, _norm(part)


def _norm(part: Shown) -> str:
    if math.prod(part.shape) > MOST_MEASURED or part.dense_nbytes > dense_limit():
        return ""
    return number_text(float(np.linalg.norm(np.ravel(part.todense()).astype(np.float64))))


def _kept(part: Any) -> int:
    return sum({id(array): array.nbytes for array in part.stored()}.values())
