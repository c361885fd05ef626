"""Reading and writing BIF, the interchange format of Bayesian networks."""

import re
from collections.abc import Iterator, Sequence
from os import PathLike, fspath
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from nnlite.circuits.networks.problems import NetworkError
from nnlite.errors import did_you_mean

if TYPE_CHECKING:
    from nnlite.circuits.networks.network import BayesianNetwork

__all__ = []

TOKEN = re.compile(
    r"""(?P<space>\s+|//[^\n]*|/\*.*?\*/)
    |(?P<property>property(?=\s+[^\s,}])[^;]*;)
    |(?P<string>"[^"\n]*")
    |(?P<mark>[{}()\[\],;|])
    |(?P<word>[^\s{}()\[\],;|"]+)""",
    re.VERBOSE | re.DOTALL,
)
PLAIN = re.compile(r'[^\s{}()\[\],;|"/]+(/[^\s{}()\[\],;|"/*]+)*')


class Token(NamedTuple):
    """A word, mark, quoted string or property, and the line it is on."""

    kind: str
    text: str
    line: int


class Tables(NamedTuple):
    """Contents of the `probability` block of a variable.

    Attributes:
        parents: their names, in the order of the block.
        line: that of the block.
        rows: `(states of the parents, numbers, line)`; the states are None for `table` and () for `default`.
    """

    parents: list[str]
    line: int
    rows: list[tuple[list[str] | None, list[float], int]]


def read_bif(path: "str | PathLike[str]") -> dict[str, Any]:
    """The arguments of a `BayesianNetwork` that the file `path` describes."""
    name = fspath(path)
    try:
        with open(path, encoding="utf-8") as file:
            return parse_bif(file.read(), name)
    except OSError as error:
        raise NetworkError(f"cannot be read: {error.strerror or error}", name) from None
    except UnicodeDecodeError as error:
        raise NetworkError(f"is not UTF-8 text: byte {error.start} cannot be read", name) from None


def parse_bif(text: str, source: str | None = None) -> dict[str, Any]:
    """The arguments of a `BayesianNetwork` that BIF text describes.

    `table` lists all numbers of a table, the variable's first state for all of its parents' states, the last parent
    fastest, then its second state; `(a, b) ...` is a row for those states of the parents; `default` is that of all
    other rows.
    """
    return _Parser(text, source).network()


class _Parser:
    def __init__(self, text: str, source: str | None) -> None:
        self.source, self.name = source, "unknown"
        self.variable: str | None = None
        self.tokens = list(self._split(text))
        self.place = 0
        self.states: dict[str, list[str]] = {}
        self.tables: dict[str, Tables] = {}
        self.properties: dict[str, list[str]] = {}

    def network(self) -> dict[str, Any]:
        blocks = {"network": self._network, "variable": self._variable, "probability": self._probability}
        while self.tokens[self.place].kind != "end":
            token = self._next()
            if token.text not in blocks or token.kind != "word":
                raise self._error(f"expected network, variable or probability, got {token.text!r}", token.line)
            blocks[token.text]()
            self.variable = None
        for variable in self.states:
            if variable not in self.tables:
                raise NetworkError("has no probability block", self.source, None, variable)
        for variable, table in self.tables.items():
            self.variable = variable
            for parent in table.parents:
                if parent not in self.states:
                    problem = f"has a parent {parent!r} that is not a variable; {did_you_mean(parent, self.states)}"
                    raise self._error(problem, table.line)
        return {
            "states": self.states,
            "parents": {variable: table.parents for variable, table in self.tables.items()},
            "cpts": {variable: self._table(variable) for variable in self.states},
            "name": self.name,
            "properties": self.properties,
            "source": self.source,
            "lines": {variable: table.line for variable, table in self.tables.items()},
        }

    def _split(self, text: str) -> Iterator[Token]:
        position, line = 0, 1
        while position < len(text):
            match = TOKEN.match(text, position)
            if match is None:
                raise self._error(f"cannot be read from {text[position : position + 20]!r} on", line)
            kind = match.lastgroup or ""
            if kind != "space":
                yield Token(kind, match[0].strip('"') if kind == "string" else match[0], line)
            line += match[0].count("\n")
            position = match.end()
        yield Token("end", "the end of the file", line)

    def _next(self, expected: str | None = None) -> Token:
        token = self.tokens[self.place]
        if token.kind == "end":
            raise self._error(f"ends too early{f': expected {expected!r}' if expected else ''}", token.line)
        self.place += 1
        if expected is not None and token.text != expected:
            raise self._error(f"expected {expected!r}, got {token.text!r}", token.line)
        return token

    def _error(self, message: str, line: int) -> NetworkError:
        return NetworkError(message, self.source, line, self.variable)

    def _until(self, *ends: str) -> tuple[list[Token], str]:
        """The tokens before the first mark of `ends`, and that mark."""
        tokens = []
        while True:
            token = self._next()
            if token.kind == "mark" and token.text in ends:
                return tokens, token.text
            if token.kind == "mark" and token.text in "{};":
                raise self._error(f"expected {' or '.join(map(repr, ends))}, got {token.text!r}", token.line)
            tokens.append(token)

    def _names(self, *ends: str) -> tuple[list[str], str]:
        """Names between commas, words in a row being one, before a mark of `ends`, and that mark."""
        names, end = [], ","
        while end == ",":
            tokens, end = self._until(",", *ends)
            if tokens or end == ",":
                names.append(" ".join(token.text for token in tokens))
        return names, end

    def _body(self, key: str) -> Iterator[Token]:
        """The first tokens of the statements in a block; its properties are kept under `key`."""
        self._next("{")
        while (token := self._next()).text != "}" or token.kind != "mark":
            if token.kind == "property":
                text = token.text[len("property") : -1].strip()
                self.properties.setdefault(key, []).append(text)
            else:
                yield token

    def _network(self) -> None:
        words = []
        while self.tokens[self.place].text != "{":
            words.append(self._next().text)
        self.name = " ".join(words) or "unknown"
        for token in self._body(""):
            raise self._error(f"expected a property, got {token.text!r}", token.line)

    def _variable(self) -> None:
        name = self._next()
        self.variable = name.text
        if name.text in self.states:
            raise self._error("occurs twice", name.line)
        for token in self._body(f"variable {name.text}"):
            if token.text != "type":
                raise self._error(f"expected type or property, got {token.text!r}", token.line)
            self._next("discrete")
            count = None
            if self.tokens[self.place].text == "[":
                self._next("[")
                count = self._next()
                self._next("]")
            self._next("{")
            states, _ = self._names("}")
            self._next(";")
            if count is not None and count.text != str(len(states)):
                raise self._error(f"says {count.text} states and names {len(states)}", count.line)
            self.states[name.text] = states
        if name.text not in self.states:
            raise self._error("has no type", name.line)

    def _probability(self) -> None:
        opening = self._next("(")
        (self.variable, *more), end = self._names("|", ")")
        parents = self._names(")")[0] if end == "|" else more
        name = self.variable
        if name not in self.states:
            raise self._error("has a probability block and no variable block before it", opening.line)
        if name in self.tables:
            raise self._error("has two probability blocks", opening.line)
        rows: list[tuple[list[str] | None, list[float], int]] = []
        self.tables[name] = Tables(parents, opening.line, rows)
        for token in self._body(f"probability {name}"):
            if token.text == "(":
                states: list[str] | None = self._names(")")[0]
            elif token.text in ("table", "default"):
                states = None if token.text == "table" else []
            else:
                raise self._error(f"expected table, default or (states), got {token.text!r}", token.line)
            rows.append((states, self._numbers(), token.line))

    def _numbers(self) -> list[float]:
        numbers = []
        for token in self._until(";")[0]:
            try:
                numbers += [] if token.text == "," else [float(token.text)]
            except ValueError:
                raise self._error(f"expected a number, got {token.text!r}", token.line) from None
        return numbers

    def _table(self, variable: str) -> np.ndarray:
        """The table of a variable, of the shape (*parents, states)."""
        self.variable = variable
        block = self.tables[variable]
        shape = [len(self.states[name]) for name in (*block.parents, variable)]
        table, filled = np.zeros(shape), np.zeros(shape[:-1], bool)
        for states, numbers, line in sorted(block.rows, key=lambda row: row[0] != []):  # `default` first
            needed = int(np.prod(shape)) if states is None else shape[-1]
            if len(numbers) != needed:
                raise self._error(f"needs {needed} numbers here, got {len(numbers)}", line)
            if states is None:
                table[...] = np.moveaxis(np.reshape(numbers, (shape[-1], *shape[:-1])), 0, -1)
                filled[...] = True
            else:
                codes = self._row(block.parents, states, line) if states or not block.parents else ...
                table[codes], filled[codes] = numbers, True
            if (np.asarray(numbers).reshape(-1, shape[-1]).sum(axis=1) == 0).any() and states is not None:
                raise self._error("has a row that sums to 0", line)
        if not filled.all():
            raise self._error(f"has no numbers for {int((~filled).sum())} of {filled.size} rows", block.line)
        return table

    def _row(self, parents: Sequence[str], states: Sequence[str], line: int) -> tuple[int, ...]:
        """The row of a table that belongs to these states of the parents."""
        if len(states) != len(parents):
            raise self._error(f"has {len(parents)} parents, got {len(states)} states", line)
        codes = []
        for parent, state in zip(parents, states, strict=True):
            if state not in self.states[parent]:
                raise self._error(
                    f"{state!r} is not a state of the parent {parent!r}: {', '.join(self.states[parent])}", line
                )
            codes.append(self.states[parent].index(state))
        return tuple(codes)


def bif_text(network: "BayesianNetwork") -> str:
    """BIF text of a network; `parse_bif` of it gives an equal network."""
    lines = [f"network {_name(network.name)} {{", *_properties(network, ""), "}"]
    for variable, states in network.states.items():
        names = ", ".join(map(_name, states))
        lines += [f"variable {_name(variable)} {{", f"  type discrete [ {len(states)} ] {{ {names} }};"]
        lines += [*_properties(network, f"variable {variable}"), "}"]
    for variable in network.variables:
        parents, table = network.parents[variable], network.cpts[variable]
        condition = f" | {', '.join(map(_name, parents))}" if parents else ""
        lines += [f"probability ( {_name(variable)}{condition} ) {{", *_properties(network, f"probability {variable}")]
        for codes in np.ndindex(table.shape[:-1]):
            states = [_name(network.states[parent][code]) for parent, code in zip(parents, codes, strict=True)]
            numbers = ", ".join(map(repr, table[codes].tolist()))
            lines.append(f"  ({', '.join(states)}) {numbers};" if parents else f"  table {numbers};")
        lines.append("}")
    return "\n".join(lines) + "\n"


def _properties(network: "BayesianNetwork", key: str) -> list[str]:
    return [f"  property {text};" for text in network.properties.get(key, ())]


def _name(name: str) -> str:
    """A name as BIF has it: in quotation marks where it would not be one word."""
    return name if PLAIN.fullmatch(name) and name != "property" else f'"{name}"'
