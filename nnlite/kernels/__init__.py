"""The few hot array functions that ops, layers, losses and optimizers share, in NumPy or compiled.

Call them as `kernels.adam(...)`, not by a name imported from here: `use` takes effect at once.
"""

import contextlib
import os

from nnlite.errors import ConfigError
from nnlite.kernels import reference
from nnlite.kernels.memory import keep_freed_memory
from nnlite.kernels.reference import *

CHOICES = ("auto", "numpy", "numba")
# Loading Numba takes 0.5 to 0.7 s. NumPy updates so many parameters in that time: later it pays.
WORTH_LOADING = 500_000_000

__all__ = ["keep_freed_memory", "load_when_worth", "use"]
__all__ += reference.__all__


def use(choice: str) -> None:
    """Choose who carries out the hot array functions.

    Args:
        choice: `"numpy"`; `"numba"`, which compiles at first use and needs the extra `fast`; or `"auto"`, the default
            unless the environment variable NNLITE_KERNELS says otherwise: NumPy, and Numba where it is installed as
            soon as a training has lasted long enough to win back the half second of loading it. It then takes only
            those compiled functions that agree with NumPy to the last bit, so that results do not depend on it.

    Raises:
        ConfigError: another word, or Numba is asked for and cannot be loaded.
    """
    global _waits
    if choice not in CHOICES:
        raise ConfigError(f"kernels must be one of {', '.join(CHOICES)}, got {choice!r}")
    _take_compiled(_compiled().__all__ if choice == "numba" else ())
    _waits = choice == "auto"


def load_when_worth(updates: int) -> None:
    """With `"auto"`, go over to compiled kernels when a training has updated so many single parameters."""
    global _waits
    if _waits and updates >= WORTH_LOADING:
        _waits = False
        with contextlib.suppress(ConfigError):
            _take_compiled(_compiled().SAME_TO_THE_LAST_BIT)


def _compiled():
    try:
        from nnlite.kernels import compiled
    except (ImportError, RuntimeError) as error:  # the latter where no folder for its cache can be written to
        raise ConfigError(f"compiled kernels need Numba, pip install nnlite[fast]: {error}") from error
    return compiled


def _take_compiled(names) -> None:
    """Let these functions be the compiled ones, all others those of the reference."""
    found = {name: getattr(reference, name) for name in reference.__all__}
    globals().update(found | {name: getattr(_compiled(), name) for name in names})


use(os.environ.get("NNLITE_KERNELS", "auto"))
