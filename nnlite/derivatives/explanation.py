"""An explanation for display: a table in a terminal, a table in a notebook."""

import html
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from nnlite.charts import aligned
from nnlite.derivatives.observed import Stage
from nnlite.jacobians.bundles.partial import Partial

if TYPE_CHECKING:
    from nnlite.derivatives.weight_path import Trail

HEAD = ("stage, and the Jacobians it keeps", "shape", "by output", "by input")
SHOWN = 10  # outputs


@dataclass(repr=False)
class Explanation:
    """One example's path through a model, and the size of the derivatives on the way back.

    Printing it shows a table; a notebook shows it as HTML.

    Attributes:
        label: of the model.
        row: number of the example.
        subject: the number that is followed: `"the loss"` or `"output 3"`.
        value: of that number.
        normed: what the norms in the table are derivatives of.
        outputs: what the model predicts for the example.
        target: what it should have predicted; None if no targets were given.
        stages: the `Stage`s, in order; each has `name`, `kind`, `shape`, `by_output`, `by_input`, the `maps` that it
            keeps, the `norms` of the derivatives with respect to what these belong to, and the stages `inner`.
        gradients: `name -> norm` of the derivative of what `normed` names by each trainable parameter.
        trail: the `Trail` of one weight; None for a model without trainable ones.

    >>> import numpy as np
    >>> from nnlite import Input, Sequential
    >>> from nnlite.layers import Dense
    >>> model = Sequential([Input((2,)), Dense(3, activation="tanh"), Dense(1)], seed=0)
    >>> model.explain(np.ones((1, 2)), weight="dense.kernel[0, 1]")
    the model, row 0: output 0 is 0.687338
    outputs [0.6873]
    norms (Frobenius) are those of the derivatives of output 0
    <BLANKLINE>
    stage, and the Jacobians it keeps  shape   by output  by input
    --------------------------------------------------------------
    dense (Dense)                      (1, 3)  0.9003     0.3278
      dense before Tanh                (1, 3)  0.6074     0.3278
        inputs: RowsTimesKernel        (1, 2)             0.3278
        kernel: KernelOfRows           (2, 3)             0.8589
        bias: Broadcast                (3,)               0.6074
      Tanh of dense                    (1, 3)  0.9003     0.6074
        inputs: Diagonal               (1, 3)             0.6074
    dense_1 (Dense)                    (1, 1)  1          0.9003
      inputs: RowsTimesKernel          (1, 3)             0.9003
      kernel: KernelOfRows             (3, 1)             1.223
      bias: Broadcast                  (1,)               1
    --------------------------------------------------------------
    the derivative of output 0 by dense.kernel[0, 1], which is -0.259174: -0.604118
      = 1 * 0.6964 * (-0.867487)
        1 is what it multiplies for dense[1]
        0.6964 is the slope of the activation there
        -0.867487 is the derivative of output 0 by dense[1]
    the largest of the paths from dense[1] on, a factor for each step:
         -0.867487  to dense_1[0]
    """

    label: str
    row: int
    subject: str
    value: float
    outputs: np.ndarray
    target: np.ndarray | None
    normed: str
    stages: tuple
    gradients: dict
    trail: "Trail | None"

    def __repr__(self) -> str:
        table = aligned(HEAD, [[indent + name, *cells] for indent, name, *cells in rows(self.stages)])
        rule = table.split("\n")[1]
        return "\n".join([*self._head(), "", table, rule, *self._trail_lines()])

    def _repr_html_(self) -> str:
        cell = "padding:2px 10px;text-align:left;vertical-align:top;border-bottom:1px solid #ccc"
        head = "".join(f'<th style="{cell}">{html.escape(title)}</th>' for title in HEAD)
        body = []
        for indent, *cells in rows(self.stages):
            inset = f"{cell};padding-left:{10 + 6 * len(indent)}px"
            styles = [inset, *[cell] * (len(cells) - 1)]
            row = (f'<td style="{style}">{html.escape(text)}</td>' for style, text in zip(styles, cells, strict=True))
            body.append(f"<tr>{''.join(row)}</tr>")
        above = "<br>".join(map(html.escape, self._head()))
        below = html.escape("\n".join(self._trail_lines()))
        table = f'<table style="border-collapse:collapse"><thead><tr>{head}</tr></thead><tbody>{"".join(body)}</tbody>'
        return f"<div><p>{above}</p>{table}</table><pre>{below}</pre></div>"

    def _head(self) -> list[str]:
        target = "" if self.target is None else f", target {_numbers(self.target)}"
        return [
            f"{self.label}, row {self.row}: {self.subject} is {self.value:.6g}",
            f"outputs {_numbers(self.outputs)}{target}",
            f"norms (Frobenius) are those of the derivatives of {self.normed}",
        ]

    def _trail_lines(self) -> list[str]:
        trail = self.trail
        if trail is None:
            return ["there is no weight to follow"]
        lines = [
            f"the derivative of {self.subject} by {trail.weight}, which is {trail.value:.6g}: {trail.gradient:.6g}"
        ]
        if trail.term is None:
            return lines
        term = trail.term
        entry = f"{term.name}{list(term.place)}"
        more = f" + {trail.count - 1} smaller term{'s' * (trail.count > 2)}" if trail.count > 1 else ""
        lines.append(f"  = {' * '.join(map(_factor, term.factors))}{more}")
        meaning = "what it multiplies for" if term.direct else "the derivative with respect to it of"
        lines.append(f"    {term.value:.6g} is {meaning} {entry}")
        if term.slope is not None:
            lines.append(f"    {term.slope:.6g} is the slope of the activation there")
        lines.append(f"    {term.upstream:.6g} is the derivative of {self.subject} by {entry}")
        if term.hops:
            lines.append(f"the largest of the paths from {entry} on, a factor for each step:")
            lines += [f"  {hop.derivative:12.6g}  to {hop.name}{list(hop.place) or ''}" for hop in term.hops]
        return lines


def rows(stages: Iterable[Stage], indent: str = "") -> Iterator[tuple[str, ...]]:
    """The indent and the cells of one line per stage; below it its inner stages, or the maps that it keeps."""
    for stage in stages:
        name = f"{stage.name} ({stage.kind})" if stage.kind not in ("", stage.name) else stage.name
        yield indent, name, _shape(stage.shape), _norm(stage.by_output), _norm(stage.by_input)
        deeper, norms = f"{indent}  ", stage.norms
        for label, part in stage.maps.items():
            jacobian = stage.jacobians if isinstance(part, Partial) else part
            yield deeper, f"{label}: {type(jacobian).__name__}", _shape(part.in_shape), "", _norm(norms.get(label))
        yield from rows(stage.inner, deeper)


def _shape(shape) -> str:
    return "" if shape is None else str(shape)


def _norm(norm) -> str:
    return "-" if norm is None else f"{norm:.4g}"


def _numbers(array) -> str:
    shown = [f"{number:.4g}" for number in np.ravel(array)[:SHOWN].tolist()]
    more = f", ... {np.size(array)} in all" if np.size(array) > SHOWN else ""
    return f"[{', '.join(shown)}{more}]"


def _factor(number) -> str:
    return f"({number:.6g})" if number < 0 else f"{number:.6g}"
