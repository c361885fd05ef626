"""Strict JSON: unique keys, finite numbers of limited length, bounded depth."""

import json
import math
from collections import Counter
from typing import Any, NoReturn

import numpy as np

from nnlite.errors import ModelFileError, shown

__all__ = ["encode_json", "parse_json"]

DEPTH = 256  # of lists and objects within one another
DIGITS = 400  # of a number


def encode_json(value: Any) -> str:
    """The text of a value of dicts, lists, texts, finite numbers, NumPy's too, and None.

    Raises:
        ModelFileError: anything else inside, such as an argument that a user's class keeps as it was given.
        ValueError: a number that is not finite.

    >>> encode_json({"units": 3})
    '{"units": 3}'
    """
    try:
        return json.dumps(value, allow_nan=False, default=_number)
    except TypeError as error:
        raise ModelFileError(_offender(value) or str(error)) from None


def _number(value: Any) -> Any:
    """A number of NumPy's as one of Python's; `TypeError` for anything else."""
    if isinstance(value, (np.number, np.bool_)):
        return value.item()
    raise TypeError(f"{type(value).__name__} has no form in JSON")


def _offender(value: Any, path: str = "") -> str:
    """A sentence about the first part of a value that JSON does not know; empty without one."""
    if isinstance(value, dict):
        parts = [(item, f"{path}.{key}" if path else str(key)) for key, item in value.items()]
    elif isinstance(value, (list, tuple)):
        parts = [(item, f"{path}[{index}]") for index, item in enumerate(value)]
    elif value is None or isinstance(value, (str, int, float, np.number, np.bool_)):
        return ""
    else:
        return f"{path} is {shown(value)}, which no file can hold: let get_config() of the class return plain values"
    return next((text for text in (_offender(*part) for part in parts) if text), "")


def parse_json(text: str | bytes) -> Any:
    """The value that `text` describes.

    Raises:
        ValueError: no JSON, no UTF-8, a key that occurs twice, a number that is not finite or has over 400 digits,
            lists and objects more than 256 deep.

    >>> parse_json('{"units": 3}')
    {'units': 3}
    """
    try:
        value = json.loads(
            text, object_pairs_hook=_object, parse_constant=_refuse, parse_float=_float, parse_int=_integer
        )
    except RecursionError:
        raise ValueError(f"lists and objects are more than {DEPTH} deep") from None
    _check_depth(value)
    return value


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    values = dict(pairs)
    if len(values) < len(pairs):
        twice = next(name for name, count in Counter(name for name, _ in pairs).items() if count > 1)
        raise ValueError(f"the key {twice!r} occurs twice")
    return values


def _refuse(name: str) -> NoReturn:
    raise ValueError(f"{name} is not a JSON number")


def _float(text: str) -> float:
    value = float(text)
    if not math.isfinite(value):
        raise ValueError(f"the number {text[:20]} is too large")
    return value


def _integer(text: str) -> int:
    if len(text) > DIGITS:
        raise ValueError(f"a number of {len(text)} digits")
    return int(text)


def _check_depth(value: Any) -> None:
    """`ValueError` for what is more than `DEPTH` deep; level by level, since calls have a depth of their own."""
    level = [value]
    for _ in range(DEPTH + 1):
        level = [
            item
            for outer in level
            if isinstance(outer, (dict, list))
            for item in (outer.values() if isinstance(outer, dict) else outer)
            if isinstance(item, (dict, list))
        ]
        if not level:
            return
    raise ValueError(f"lists and objects are more than {DEPTH} deep")
