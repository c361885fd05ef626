"""Per-parameter treatment: patterns of parameter paths, and the factors that they lead to."""

import math
from collections.abc import Iterable, Mapping, Sequence
from fnmatch import fnmatchcase
from glob import escape
from typing import Any, NamedTuple

import numpy as np

from nnlite.errors import ConfigError, did_you_mean
from nnlite.registry.field_types import Specified, read

__all__ = []


@Specified.register
class Exclusions(list[str]):
    """Patterns of parameters without weight decay; calling it is Keras's method of that name.

    Patterns of the constructor stay; a further call replaces those of the last one.
    """

    @classmethod
    def get(cls, spec: Any) -> "Exclusions":
        """The patterns in a list."""
        patterns = cls(read(spec, list[str]))
        if isinstance(spec, cls):
            patterns.variables, patterns.given = list(spec.variables), spec.given
        return patterns

    def to_spec(self) -> list[str]:
        """The patterns as a plain list."""
        return list(self)

    def __init__(self, patterns: Iterable[str] = ()) -> None:
        super().__init__(patterns)
        self.given = len(self)  # how many are those of the constructor
        self.variables: list[Any] = []  # excluded as such; once their paths are known, these are patterns

    def __call__(self, var_list: Sequence[Any] | None = None, var_names: Sequence[str] | None = None) -> None:
        """Exclude these variables, and the parameters that these patterns match, from the next step on."""
        self.variables = list(var_list or ())
        self[self.given :] = read(var_names or (), list[str])

    def resolve(self, owner: str, packs: Sequence) -> None:
        """Turn excluded variables into their paths; `ConfigError` for one that is not trained."""
        paths = {id(one): path for pack in packs for one, path in zip(pack.parameters, pack.paths, strict=True)}
        for variable in self.variables:
            if id(variable) not in paths:
                message = f"a variable of shape {np.shape(variable)} is not one of the trained parameters"
                raise ConfigError(message, (owner, "exclude_from_weight_decay"))
            self.append(escape(paths[id(variable)]))
        self.variables = []


class Factors(NamedTuple):
    """Factors of the learning rate in a pack, for the update and for the weight decay.

    Attributes:
        update, decay: of the whole pack; 0 for no decay.
        updates, decays: of each element, vectors; None if all have the same. In a block of the pack they are
            `(slice, factor)` of the stretches whose factor is not 1: NumPy spares the others a pass.
        stretches: slices of the pack in which the factors are the same, and these factors, where it has several.
    """

    update: float = 1.0
    decay: float = 1.0
    updates: np.ndarray | list[tuple[slice, float]] | None = None
    decays: np.ndarray | list[tuple[slice, float]] | None = None
    stretches: "Sequence[tuple[slice, Factors]]" = ()

    def by_block(self, size: int, most: int) -> "list[tuple[slice, Factors]]":
        """A vector of this size cut into blocks of at most `most` elements: slices, and the factors within each."""
        blocks = [slice(start, min(start + most, size)) for start in range(0, size, most)]
        return [(block, self._within(block) if self.stretches else self) for block in blocks]

    def _within(self, block: slice) -> "Factors":
        inside = [
            (max(part.start, block.start), min(part.stop, block.stop), factors) for part, factors in self.stretches
        ]
        moved = [
            (slice(start - block.start, stop - block.start), factors) for start, stop, factors in inside if start < stop
        ]
        updates = [(part, factors.update) for part, factors in moved if factors.update != 1.0]
        decays = [(part, factors.decay) for part, factors in moved if factors.decay != 1.0]
        return Factors(updates=updates or None, decays=decays or None)


def pack_factors(
    owner: str, packs: Sequence, excluded: Sequence[str], multipliers: Mapping[str, float]
) -> list[Factors]:
    """The factors of each pack; 1.0 for all if there are no patterns.

    Args:
        owner: the optimizer's class, for errors.
        packs: with `paths`, those of their parameters, such as `"dense/kernel"`.
        excluded, multipliers: patterns of `fnmatch` for a whole path or its last part; a parameter that several
            multipliers match gets their product.

    Raises:
        ConfigError: a pattern that matches no parameter.
    """
    if not excluded and not multipliers:
        return [Factors() for _ in packs]
    paths = [path for pack in packs for path in pack.paths]
    for argument, patterns in (("exclude_from_weight_decay", excluded), ("learning_rate_multipliers", multipliers)):
        for pattern in patterns:
            if not any(matches(pattern, path) for path in paths):
                hint = did_you_mean(pattern, paths)
                raise ConfigError(f"{pattern!r} matches none of the trained parameters; {hint}", (owner, argument))
    return [_factors(pack, excluded, multipliers) for pack in packs]


def matches(pattern: str, path: str) -> bool:
    """Whether the pattern equals the path, or its last part.

    >>> matches("bias", "dense/bias"), matches("dense*/kernel", "dense_1/kernel"), matches("dense", "dense/bias")
    (True, True, False)
    """
    return fnmatchcase(path, pattern) or fnmatchcase(path.rpartition("/")[2], pattern)


def parameter_factors(paths: Sequence[str], excluded: Sequence[str], multipliers: Mapping[str, float]) -> list[Factors]:
    """The factors of each parameter."""
    factors = []
    for path in paths:
        update = math.prod(factor for pattern, factor in multipliers.items() if matches(pattern, path))
        kept = not any(matches(pattern, path) for pattern in excluded)
        factors.append(Factors(float(update), float(update * kept)))
    return factors


def _factors(pack, excluded: Sequence[str], multipliers: Mapping[str, float]) -> Factors:
    stretches: list[tuple[slice, Factors]] = []
    for segment, factors in zip(pack.segments, parameter_factors(pack.paths, excluded, multipliers), strict=True):
        if stretches and stretches[-1][1] == factors:
            stretches[-1] = slice(stretches[-1][0].start, segment.stop), factors
        else:
            stretches.append((segment, factors))
    if len(stretches) == 1:
        return stretches[0][1]
    updates, decays = (_spread([(part, factors[kind]) for part, factors in stretches], pack.values) for kind in (0, 1))
    return Factors(updates=updates, decays=decays, stretches=stretches)


def _spread(factors: list, values: np.ndarray) -> np.ndarray | None:
    """A vector of the size and type of `values`, with each factor in its slice; None if all are 1."""
    if all(factor == 1.0 for _, factor in factors):
        return None
    vector = np.empty_like(values)
    for part, factor in factors:
        vector[part] = factor
    return vector
