"""Names of files with placeholders for numbers, such as `epoch-{epoch:03d}.safetensors`."""

import re
import string
from collections.abc import Mapping
from typing import Any

from nnlite.errors import did_you_mean

__all__ = ["filled"]

WIDEST = 64  # digits of a number
NUMBER = re.compile(r"\d+")


def filled(pattern: str, values: Mapping[str, Any]) -> str:
    """The pattern with its placeholders filled in.

    Of Python's replacement fields, names, conversions and formats are read; attributes and items are not: a pattern
    comes from a config, which is data, and would reach whatever objects are made of.

    Raises:
        ValueError: it is not such a pattern; the message says why.

    >>> filled("epoch-{epoch:03d}-{val_loss:.2f}", {"epoch": 7, "val_loss": 0.257})
    'epoch-007-0.26'
    """
    for _, name, form, _ in string.Formatter().parse(pattern):
        if name and name not in values:
            raise ValueError(f"unknown name {name!r} in {pattern!r}; {did_you_mean(name, values)}")
        if any(len(number) > 3 or int(number) > WIDEST for number in NUMBER.findall(form or "")) or "{" in (form or ""):
            raise ValueError(f"cannot fill in {pattern!r}: {form!r} is wider than {WIDEST} characters")
    try:
        return pattern.format(**values)
    except (ValueError, IndexError, TypeError) as error:
        raise ValueError(f"cannot fill in {pattern!r}: {error}") from None
