"""Warnings attributed to the line of the user's program."""

import contextlib
import sys
import warnings
from pathlib import Path

__all__ = ["warn_user"]

_WITHIN = (str(Path(__file__).parents[1]), contextlib.__file__)


def warn_user(text: str, category: type[Warning] = UserWarning) -> None:
    """Issue a warning at the position of the nearest caller outside of nnlite, however deep the call.

    Args:
        text: what the warning says.
        category: its class.
    """
    frame, level = sys._getframe(1), 2
    while frame.f_back is not None and frame.f_code.co_filename.startswith(_WITHIN):
        frame, level = frame.f_back, level + 1
    warnings.warn(text, category, stacklevel=level)
