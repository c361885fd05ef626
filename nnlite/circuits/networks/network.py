"""Bayesian networks of discrete variables: names, states, parents and conditional probability tables."""

from collections.abc import Iterable, Mapping, Sequence
from os import PathLike
from typing import Any

import numpy as np

from nnlite.arrays.types import ArrayLike
from nnlite.circuits.networks.bif import bif_text, read_bif
from nnlite.circuits.networks.evidence import read_evidence
from nnlite.circuits.networks.problems import NetworkError
from nnlite.errors import ConfigError, did_you_mean, raise_all, shown
from nnlite.registry import constructor_parameters, wrong_keys
from nnlite.registry.field_types import Specified
from nnlite.registry.fields import sought
from nnlite.saving.text_files import write_text

__all__ = ["BayesianNetwork"]

NOTED = 1e-9  # how far from 1 the sum of a row of a table may be without a note
ROUNDING = 4e-15  # how far it may be without a division: what rounding alone leaves


@Specified.register
class BayesianNetwork:
    """P(x) = prod_v P(x_v | x_parents(v)) over discrete variables.

    Args:
        states: `{variable: names of its states}`; the order is that of the columns of rows.
        parents: `{variable: its parents}`; a variable that is left out has none.
        cpts: `{variable: table}` of the shape `(*states of the parents, states of the variable)`; each row, along the
            last axis, is divided by its sum. None, or a variable left out: all states equally likely.
        name: that of the network.
        properties: free texts that a file may carry: `{"": [...], "variable a": [...], "probability a": [...]}`.
        source, lines: the file the network came from and the line of each variable's table, for errors.

    Attributes:
        variables, states, parents, cpts, name, properties: as above, all settled.
        notes: one line for each table that had rows whose sums were off by more than 1e-9.

    Raises:
        NetworkError: a cycle, an unknown parent, a table of another length, a row that sums to 0 or holds numbers
            that are not probabilities.

    >>> network = BayesianNetwork(
    ...     {"rain": ["yes", "no"], "wet": ["yes", "no"]},
    ...     {"wet": ["rain"]},
    ...     {"rain": [0.2, 0.8], "wet": [[0.9, 0.1], [0.3, 0.7]]},
    ... )
    >>> round(float(np.exp(network.joint_log_prob([{"rain": "yes", "wet": "no"}])[0])), 12)
    0.02
    """

    def __init__(
        self,
        states: Mapping[str, Sequence[str]],
        parents: Mapping[str, Sequence[str]] | None = None,
        cpts: Mapping[str, ArrayLike] | None = None,
        name: str = "unknown",
        properties: Mapping[str, Sequence[str]] | None = None,
        source: str | None = None,
        lines: Mapping[str, int] | None = None,
    ) -> None:
        self.name, self.source = name, source
        self._lines = dict(lines or {})
        self.states = {str(variable): tuple(map(str, names)) for variable, names in states.items()}
        self.variables = list(self.states)
        self._columns = {variable: column for column, variable in enumerate(self.variables)}
        self.properties = {key: list(texts) for key, texts in (properties or {}).items()}
        self.notes: list[str] = []
        self._check_states()
        self.parents = self._read_parents(parents or {})
        self.topological_order = self._topological_order()
        tables = {} if cpts is None else cpts
        self._check_known(tables, "cpts")
        self.cpts = {variable: self._read_table(variable, tables.get(variable)) for variable in self.variables}

    @property
    def cards(self) -> list[int]:
        """The number of states of each variable."""
        return [len(self.states[variable]) for variable in self.variables]

    def index(self, variable: str) -> int:
        """The column of `variable`; `NetworkError` that names near ones if there is none."""
        if variable not in self.states:
            raise self._unknown(variable)
        return self._columns[variable]

    def shape(self, variable: str) -> tuple[int, ...]:
        """The shape of the table of `variable`: its parents' numbers of states, then its own."""
        return tuple(len(self.states[name]) for name in (*self.parents[variable], variable))

    @property
    def hidden(self) -> list[str]:
        """The variables with the property `hidden`: rows of state numbers have no column for them."""
        return [variable for variable in self.variables if "hidden" in self.properties.get(f"variable {variable}", ())]

    @property
    def observed(self) -> list[str]:
        """The variables that are not hidden, in the order of the columns of rows of state numbers."""
        hidden = set(self.hidden)
        return [variable for variable in self.variables if variable not in hidden]

    @classmethod
    def get(cls, spec: Any) -> "BayesianNetwork":
        """The network that an instance, the path of a BIF file or `{argument: value}` describes.

        In a config, the file is looked up next to it, then in the current folder.
        """
        if isinstance(spec, cls):
            return spec
        if isinstance(spec, (str, PathLike)):
            return cls.from_bif(sought(spec))
        if isinstance(spec, Mapping):
            return cls._of_arguments(spec)
        raise ConfigError(
            f"expected a network: the path of a BIF file or {{states: ..., parents: ..., cpts: ...}}, got {shown(spec)}"
        )

    @classmethod
    def _of_arguments(cls, arguments: Mapping[str, Any]) -> "BayesianNetwork":
        """The network of arguments in a config; errors name the key."""
        parameters = {
            key: parameter for key, parameter in constructor_parameters(cls).items() if key not in ("source", "lines")
        }
        raise_all(wrong_keys(arguments, parameters))
        for key in ("states", "parents", "properties"):
            if key in arguments and (arguments[key] is not None or key == "states"):
                _check_lists(arguments[key], key)
        try:
            return cls(**arguments)
        except NetworkError as error:
            raise ConfigError(str(error), error.path) from None

    def to_spec(self) -> dict[str, Any]:
        """The arguments of the network as plain values, which `get` reads."""
        return {
            "states": {variable: list(states) for variable, states in self.states.items()},
            "parents": {variable: list(parents) for variable, parents in self.parents.items()},
            "cpts": {variable: table.tolist() for variable, table in self.cpts.items()},
            "name": self.name,
            "properties": {key: list(texts) for key, texts in self.properties.items()},
        }

    @classmethod
    def from_bif(cls, path: "str | PathLike[str]") -> "BayesianNetwork":
        """The network in a BIF file, UTF-8 text; `NetworkError` names file, line and variable of what is wrong."""
        return cls(**read_bif(path))

    def to_bif(self, path: "str | PathLike[str] | None" = None) -> str:
        """The network as BIF text, also written to `path` where that is given; numbers keep all their digits."""
        text = bif_text(self)
        if path is not None:
            write_text(path, text)
        return text

    def with_cpts(self, cpts: Mapping[str, ArrayLike]) -> "BayesianNetwork":
        """The same network with other tables; omitted tables stay."""
        return BayesianNetwork(self.states, self.parents, {**self.cpts, **cpts}, self.name, self.properties)

    def sample(self, n: int, seed: int | None = None) -> np.ndarray:
        """`n` rows of state numbers, `(n, variables)`, by ancestral sampling."""
        generator, rows = np.random.default_rng(seed), np.zeros((n, len(self.variables)), np.int64)
        for variable in self.topological_order:
            parent_states = tuple(rows[:, self.index(parent)] for parent in self.parents[variable])
            steps = np.cumsum(self.cpts[variable], axis=-1)[parent_states]
            drawn = generator.random(n)[:, None] * steps[..., -1:]
            rows[:, self.index(variable)] = (drawn >= steps).sum(axis=-1)
        return rows

    def joint_log_prob(self, rows: Any) -> np.ndarray:
        """log P of complete rows, `(rows, variables)` -> `(rows,)`: -inf where impossible."""
        evidence = read_evidence(self, rows)
        codes = evidence.codes
        if (codes < 0).any() or evidence.soft:
            raise NetworkError("joint_log_prob needs complete rows; a circuit's log_prob sums over what is missing")
        total = np.zeros(codes.shape[1])
        with np.errstate(divide="ignore"):
            for variable in self.variables:
                places = tuple(codes[self.index(each)] for each in (*self.parents[variable], variable))
                total += np.log(self.cpts[variable][places])
        return total

    def frame(self, rows: np.ndarray) -> list[dict[str, str | None]]:
        """Rows of state numbers as `{variable: state}`, with None for negative numbers."""
        return [
            {
                variable: None if code < 0 else self.states[variable][int(code)]
                for variable, code in zip(self.variables, row, strict=True)
            }
            for row in np.asarray(rows).tolist()
        ]

    def __eq__(self, other: object) -> bool:
        return (
            isinstance(other, BayesianNetwork)
            and (self.name, self.states, self.parents) == (other.name, other.states, other.parents)
            and self.variables == other.variables
            and self.properties == other.properties
            and all(np.array_equal(self.cpts[variable], other.cpts[variable]) for variable in self.variables)
        )

    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        arcs = sum(map(len, self.parents.values()))
        return f"BayesianNetwork({self.name!r}, {len(self.variables)} variables, {arcs} arcs)"

    def _error(self, message: str, variable: str, argument: str) -> NetworkError:
        path = (argument, variable)
        return NetworkError(message, self.source, self._lines.get(variable), variable, path=path)

    def _check_known(self, variables: Iterable[str], argument: str) -> None:
        for variable in variables:
            if variable not in self.states:
                raise self._unknown(variable, (argument, variable))

    def _unknown(self, variable: str, path: tuple[str, ...] = ()) -> NetworkError:
        message = f"there is no such variable; {did_you_mean(variable, self.variables)}"
        return NetworkError(message, self.source, variable=str(variable), path=path)

    def _check_states(self) -> None:
        for variable, names in self.states.items():
            if not names:
                raise self._error("has no states", variable, "states")
            twice = next((name for name in names if names.count(name) > 1), None)
            if twice is not None:
                raise self._error(f"has the state {twice!r} twice", variable, "states")

    def _read_parents(self, mapping: Mapping[str, Sequence[str]]) -> dict[str, tuple[str, ...]]:
        self._check_known(mapping, "parents")
        read = {variable: tuple(mapping.get(variable, ())) for variable in self.variables}
        for child, parents in read.items():
            for parent in parents:
                if parent not in self.states:
                    raise self._error(
                        f"has a parent {parent!r} that is not a variable; {did_you_mean(parent, self.variables)}",
                        child,
                        "parents",
                    )
            if len(set(parents)) < len(parents):
                raise self._error("has one parent twice", child, "parents")
        return read

    def _topological_order(self) -> list[str]:
        left = {variable: set(parents) for variable, parents in self.parents.items()}
        children: dict[str, list[str]] = {variable: [] for variable in self.variables}
        for node, parents in self.parents.items():
            for parent in parents:
                children[parent].append(node)
        order = [variable for variable in self.variables if not left[variable]]
        for node in order:
            for child in children[node]:
                left[child].discard(node)
                if not left[child]:
                    order.append(child)
        if len(order) < len(self.variables):
            walk = [next(variable for variable in self.variables if variable not in set(order))]
            while walk[-1] not in walk[:-1]:
                walk.append(next(parent for parent in self.parents[walk[-1]] if left[parent]))
            circle = walk[walk.index(walk[-1]) :][::-1]
            raise self._error(f"is on a cycle: {' -> '.join(circle)}", circle[0], "parents")
        return order

    def _read_table(self, variable: str, values: ArrayLike | None) -> np.ndarray:
        shape = self.shape(variable)
        if values is None:
            return np.full(shape, 1 / shape[-1])
        table = np.asarray(values, np.float64)
        if table.shape != shape:
            raise self._error(
                f"needs a table of the shape {shape}, of {int(np.prod(shape)):,} numbers, got {table.shape}",
                variable,
                "cpts",
            )
        if not (np.isfinite(table) & (table >= 0)).all():
            raise self._error("has a table with numbers that are not probabilities", variable, "cpts")
        sums = table.sum(axis=-1, keepdims=True)
        if (sums == 0).any():
            codes = np.argwhere(sums[..., 0] == 0)[0]
            named = ", ".join(
                self.states[parent][code] for parent, code in zip(self.parents[variable], codes, strict=True)
            )
            raise self._error(f"has a row that sums to 0{f': ({named})' if named else ''}", variable, "cpts")
        off = np.abs(sums - 1)
        if (off > NOTED).any():
            self.notes.append(
                f"{variable}: {int((off > NOTED).sum())} rows divided by their sums, off by up to {off.max():.1e}"
            )
        return np.where(off > ROUNDING, table / sums, table)


def _check_lists(lists: Any, key: str) -> None:
    """`ConfigError` unless an argument in a config gives names a list each."""
    if not isinstance(lists, Mapping):
        raise ConfigError(f"expected a mapping, got {shown(lists)}", (key,))
    for name, items in lists.items():
        if not isinstance(items, (list, tuple)):
            raise ConfigError(f"expected a list, got {shown(items)}", (key, str(name)))
