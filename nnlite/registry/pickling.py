"""Pickles stamped with the version of nnlite that wrote them."""

import warnings
from collections.abc import Mapping
from typing import Any

__all__ = ["OtherVersionWarning", "stamped", "unstamped"]

KEY = "_nnlite_version"


class OtherVersionWarning(UserWarning):
    """A pickle written by another version of nnlite, which may lack attributes that this one needs; use model files."""


def stamped(state: Mapping[str, Any]) -> dict[str, Any]:
    """The state of a pickle, with the version that writes it."""
    return {**state, KEY: version()}


def unstamped(state: Mapping[str, Any], kind: type) -> dict[str, Any]:
    """The state without the version; issues an `OtherVersionWarning` unless this version wrote it.

    Args:
        state: what `stamped` gave; one without a version was written before there was any.
        kind: the class that is unpickled.
    """
    values = dict(state)
    written = values.pop(KEY, "an older version")
    if written != version():
        warnings.warn(
            f"a pickle of {kind.__name__} by nnlite {written} is read by nnlite {version()}; if it does not work, load "
            "it with that version and save a model file, which later versions read",
            OtherVersionWarning,
            stacklevel=3,
        )
    return values


def version() -> str:
    """Version of nnlite."""
    import nnlite

    return nnlite.__version__
