"""The path of one derivative back to one weight."""

import re
from typing import NamedTuple

import numpy as np

from nnlite.derivatives.observed import Stage
from nnlite.derivatives.parameters import parameter_names
from nnlite.errors import ConfigError, did_you_mean
from nnlite.jacobians import Composed, Partial
from nnlite.training import Trainable


class Hop(NamedTuple):
    """One step from an output of a stage to an output of the next: `derivative` of the one by the other."""

    name: str
    place: tuple
    derivative: float


class Term(NamedTuple):
    """The effect of a weight on the explained number through one output of its stage: value * slope * upstream.

    Attributes:
        name: of the stage.
        place: which output of it, the batch axis left out.
        value: the derivative of that output, before the activation, by the weight: mostly what the weight multiplies.
        slope: of the activation there; None without an elementwise activation.
        upstream: derivative of the explained number by that output.
        hops: the largest of the paths that `upstream` is the sum of; empty inside a graph.
        direct: whether `value` is what the weight multiplies: not where more than a sum follows before the output.
    """

    name: str
    place: tuple
    value: float
    slope: float | None
    upstream: float
    hops: list
    direct: bool = True

    @property
    def factors(self) -> list[float]:
        """The factors of the product."""
        return [factor for factor in (self.value, self.slope, self.upstream) if factor is not None]


class Trail(NamedTuple):
    """One weight and its derivative, the sum of one term for each output that it reaches directly.

    Attributes:
        weight: such as `"dense.kernel[3, 7]"`.
        value: of the weight.
        gradient: derivative of the explained number by it.
        term: the largest term; None if the derivative comes back to several outputs of a layer at once.
        count: how many terms are not zero.
    """

    weight: str
    value: float
    gradient: float
    term: Term | None
    count: int


def follow(model: Trainable, root: Stage, gradients: tuple, weight: str | None = None) -> Trail | None:
    """The path back to one weight; None in a model without trainable weights.

    Args:
        model: whose parameters these are.
        root: the stage that the derivative of the explained number has gone back through.
        gradients: that derivative with respect to each of the model's parameters.
        weight: such as `"dense.kernel[3, 7]"`; the one of all kernels with the largest derivative when None.
    """
    names = parameter_names(model)
    if weight is None:
        trained = {id(parameter) for parameter in model.trainable_weights}
        candidates = [
            number
            for number, (parameter, gradient) in enumerate(zip(model.parameters, gradients, strict=True))
            if id(parameter) in trained and gradient is not None and gradient.size
        ]
        if not candidates:
            return None
        # A bias multiplies 1 and has no value coming in to look at: kernels go first.
        number = max(candidates, key=lambda key: (gradients[key].ndim > 1, np.abs(gradients[key]).max()))
        entry = np.unravel_index(np.abs(gradients[number]).argmax(), gradients[number].shape)
    else:
        number, entry = _found(weight, names, gradients)
    entry = tuple(int(index) for index in entry)
    term, count = _largest_term(root, model.parameters[number], entry)
    return Trail(
        f"{names[number]}{list(entry)}" if entry else names[number],
        float(model.values[number][entry]),
        float(gradients[number][entry]),
        term,
        count,
    )


def _found(weight, names, gradients):
    """Number and place of a weight written as `"dense.kernel[3, 7]"`."""
    spelled = re.fullmatch(r"(.+?)(?:\[([\d\s,]*)\])?", str(weight))
    name, indices = spelled.groups() if spelled else (weight, None)
    if name not in names:
        raise ConfigError(f"there is no weight {weight!r}; {did_you_mean(name, names)}")
    gradient = gradients[names.index(name)]
    if gradient is None:
        raise ConfigError(f"{name} has no derivative: follow another weight")
    entry = tuple(int(index) for index in (indices or "").replace(",", " ").split())
    fits = len(entry) == gradient.ndim and all(at < size for at, size in zip(entry, gradient.shape, strict=True))
    if not fits:
        example = f"{name}{[0] * gradient.ndim}" if gradient.ndim else name
        raise ConfigError(f"{weight!r} is not a weight: {name} has the shape {gradient.shape}; write {example}")
    return names.index(name), entry


def _largest_term(root, parameter, entry) -> tuple[Term | None, int]:
    """The largest of the terms that the derivative is the sum of, and how many are not zero."""
    best, count = (-1.0, None), 0
    change = _unit(parameter.shape, entry, parameter.value.dtype)
    for use in root.uses(parameter):
        for index in [index for index, source in enumerate(use.sources) if source is parameter]:
            if not isinstance(use.cotangent, np.ndarray):
                continue  # nothing comes back here, or to several outputs at once
            values = use.jvp(*[change if other == index else None for other in range(len(use))])
            parts = values * use.cotangent
            count += int(np.count_nonzero(parts))
            # Where nothing comes back, as behind a ReLU at rest, it is worth seeing what would have been multiplied.
            top = np.unravel_index(np.abs(parts if parts.any() else values).argmax(), parts.shape)
            candidate = (use, top, float(values[top]), _is_direct(use.jacobians[index]))
            best = max(best, (abs(float(parts[top])), candidate), key=lambda pair: pair[0])
    return (None if best[1] is None else _term(root, *best[1])), count


def _is_direct(part) -> bool:
    """Whether the map is that of a sum of products with the weight, with no activation in it."""
    return not isinstance(part, (Composed, Partial)) and part.slopes is None


def _term(root, use, entry, value, direct) -> Term:
    slope, upstream, last = None, use.cotangent[entry], use
    if use.then is not None:
        column = use.then.jvp(_unit(use.cotangent.shape, entry, use.cotangent.dtype))
        if column.shape == use.cotangent.shape and np.count_nonzero(column) == bool(column[entry]):
            slope, upstream, last = float(column[entry]), use.then.cotangent[entry], use.then
    index_in_row = tuple(int(index) for index in entry[1:])
    return Term(last.layer, index_in_row, value, slope, float(upstream), _hops(root, last, entry), direct)


def _hops(root, stage, entry) -> list[Hop]:
    """The way on from that output of `stage` which carries the most at every step."""
    stages, hops = root.in_order(), []
    later = stages[stages.index(stage) + 1 :] if stage in stages else []
    tangent = _unit(stage.cotangent.shape, entry, stage.cotangent.dtype)
    for stage in later:
        column = stage.jvp(tangent, *[None] * (len(stage) - 1))
        parts = column * stage.cotangent
        entry = np.unravel_index(np.abs(parts).argmax(), parts.shape)
        hops.append(Hop(stage.name, tuple(int(index) for index in entry[1:]), float(column[entry])))
        tangent = _unit(column.shape, entry, column.dtype)
    return hops


def _unit(shape, entry, dtype) -> np.ndarray:
    array = np.zeros(shape, dtype)
    array[entry] = 1
    return array
