"""The few hot array functions that ops, layers, losses and optimizers share, in NumPy or compiled.

Call them as `kernels.adam(...)`, not by a name imported from here: `use` takes effect at once.
"""

import contextlib
import os
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from nnlite.errors import ConfigError
from nnlite.kernels import reference
from nnlite.kernels.memory import aligned_zeros, keep_freed_memory
from nnlite.kernels.reference import *

CHOICES = ("auto", "numpy", "numba")
# Loading Numba takes 0.5 to 0.7 s, which it wins back in a training with this many updates of single parameters; a step
# takes as long as updating this many more of them.
WORTH_LOADING = 300_000_000
WORTH_COMPILING = 8_000_000_000  # where nothing compiled lies on the disk yet, which takes up to ten seconds
STEP = 25_000
ENDED_EARLY = 0.5  # share of its steps that a training takes on average where something may end it early
TRAINING = {"attention", "convolution", "dense", "dense_steps", "recurrent"}  # files worth loading Numba for

__all__ = [
    "aligned_zeros",
    "chosen",
    "chosen_alike",
    "compiled_now",
    "dense_steps",
    "dense_update",
    "keep_freed_memory",
    "suited_kernels",
    "use",
]
__all__ += reference.__all__


class _Choice:
    """The user's choice, the number of trainings that are inside `suited_kernels` now, and the kernels they have."""

    lock = threading.Lock()
    word = "auto"
    inside = 0
    compiled: Any = None  # the module of compiled kernels while these are in use
    whole = False  # whether those of whole steps are too
    alike = False  # whether other processes have to come to the same choice


def use(choice: str) -> None:
    """Choose the implementation of the hot array functions.

    Args:
        choice: `"numpy"`; `"numba"`, which compiles at first use and needs the extra `fast`; or `"auto"`, the default
            unless the environment variable NNLITE_KERNELS says otherwise: Numba, where it is installed, in each `fit`
            that is long enough to win back the half second of loading it, and up to ten for compiling when that has
            never been done on this machine, else NumPy; where a callback may end the `fit`, half of its steps count.
            Both give the same results up to rounding.

    Raises:
        ConfigError: another word, or Numba is asked for and cannot be loaded.
    """
    if choice not in CHOICES:
        raise ConfigError(f"kernels must be one of {', '.join(CHOICES)}, got {choice!r}")
    _take(_compiled() if choice == "numba" else None)
    _Choice.word = choice


@contextlib.contextmanager
def suited_kernels(steps: int, work: int, may_end: bool = False) -> Iterator[None]:
    """A context in which `"auto"` means compiled kernels if a training of this many steps is worth loading them.

    Args:
        steps: of the training.
        work: of a step, in single parameters that an optimizer updates.
        may_end: whether something may end the training before its last step.
    """
    updates = steps * (work + STEP) * (ENDED_EARLY if may_end else 1)
    compiled, files = _worth_it(updates) if _Choice.word == "auto" else (None, None)
    if compiled is None:
        yield
        return
    with _Choice.lock:
        _Choice.inside += 1
        _take(compiled, files)
    try:
        yield
    finally:
        with _Choice.lock:
            _Choice.inside -= 1
            if _Choice.word == "auto" and not _Choice.inside:
                _take(None)


@contextlib.contextmanager
def chosen_alike() -> Iterator[None]:
    """A context in which kernels already compiled on this machine do not affect the choice of kernels."""
    before, _Choice.alike = _Choice.alike, True
    try:
        yield
    finally:
        _Choice.alike = before


def _worth_it(updates):
    """The module and files for `_take`, if compiled kernels save more time than it takes to have them; else Nones."""
    if updates < (WORTH_COMPILING if _Choice.alike else WORTH_LOADING):
        return None, None
    if updates < WORTH_COMPILING and not _may_be_on_disk():
        return None, None  # without half a second of loading what is of no use
    try:
        compiled = _compiled()
    except ConfigError:
        return None, None
    files = None if updates >= WORTH_COMPILING else compiled.on_disk()
    return (compiled, files) if files is None or files & TRAINING else (None, None)


def _may_be_on_disk() -> bool:
    """Whether Numba may have kept kernels before; where it keeps them beside the source, their files tell."""
    folder = Path(__file__).parent / "compiled"
    elsewhere = "NUMBA_CACHE_DIR" in os.environ or not os.access(folder, os.W_OK)
    if elsewhere or f"{__name__}.compiled" in sys.modules:
        return True
    kept = {path.name.partition(".")[0] for path in folder.glob("**/*.nbi")}
    return bool(kept & (TRAINING | {"products"}))  # the latter are what `convolution` calls


def _compiled():
    try:
        from nnlite.kernels import compiled
    except (ImportError, RuntimeError, OSError) as error:  # the latter two where its cache cannot be written
        raise ConfigError(f'compiled kernels need Numba, pip install "nnlite[fast]": {error}') from error
    return compiled


def _take(compiled, files: set[str] | None = None) -> None:
    """Let all functions be those of the reference, but for those that `compiled` has in these files, or in all."""
    names = () if compiled is None else compiled.__all__ if files is None else compiled.kernels_of(files)
    taken = {name: getattr(reference, name) for name in reference.__all__}
    globals().update(taken | {name: getattr(compiled, name) for name in names})
    _Choice.compiled, _Choice.whole = compiled, files is None or "dense_steps" in files


def chosen() -> str:
    """The argument of `use`: `"auto"`, `"numpy"` or `"numba"`."""
    return _Choice.word


def compiled_now() -> bool:
    """Whether compiled kernels are in use."""
    return _Choice.compiled is not None


def dense_steps() -> Callable[..., int] | None:
    """The kernel that runs whole training steps of dense layers in one call; None if it is not compiled."""
    return _Choice.compiled.dense_steps if _Choice.whole and _Choice.compiled is not None else None


def dense_update() -> Callable[..., None]:
    """The kernel that ends a step of `dense_steps` with the update, where layers before the dense ones learn too."""
    return _Choice.compiled.dense_update


use(os.environ.get("NNLITE_KERNELS", "auto"))
