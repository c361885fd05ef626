"""Plain scalars by the core schema of YAML 1.2."""

import re

from nnlite.errors import ConfigError

__all__ = ["SCALARS", "scalar", "usable"]

# The pattern, and what it may begin with. PyYAML follows YAML 1.1: `no` is false, `1e-3` is text, `010` is eight.
SCALARS = {
    "null": (r"~|null|Null|NULL|", ["~", "n", "N", ""]),
    "bool": (r"true|True|TRUE|false|False|FALSE", list("tTfF")),
    "int": (r"[-+]?[0-9]+", list("-+0123456789")),
    "float": (
        r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?|[-+]?\.(inf|Inf|INF)|\.(nan|NaN|NAN)",
        list("-+.0123456789"),
    ),
}
PATTERNS = {kind: re.compile(pattern) for kind, (pattern, _) in SCALARS.items()}
DIGITS = 400  # more than a float can hold
UNUSABLE = re.compile("[\0\ud800-\udfff]")


def scalar(text: str) -> bool | int | float | str | None:
    """The value of unquoted `text`; `ConfigError` for an integer of more than 400 digits."""
    kind = next((kind for kind, pattern in PATTERNS.items() if pattern.fullmatch(text)), "str")
    if kind == "int" and len(text) > DIGITS:
        raise ConfigError(f"an integer of {len(text)} digits; at most {DIGITS} are read")
    if kind == "int":
        return int(text)
    if kind == "float":
        return float(text.lower().replace(".inf", "inf").replace(".nan", "nan"))
    if kind == "bool":
        return text.lower() == "true"
    return usable(text) if kind == "str" else None


def usable(text: str) -> str:
    """`text`; `ConfigError` for NUL or a lone surrogate, which no file, path or name can hold."""
    wrong = UNUSABLE.search(text)
    if wrong:
        raise ConfigError(f"text with the character U+{ord(wrong[0]):04X}, which cannot be used")
    return text
