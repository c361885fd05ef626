"""Kernels of `reference` compiled by Numba: one pass over the arrays where NumPy needs up to ten.

A kernel is compiled when it is first called with a dtype, in one to three seconds, and kept on disk beside its file,
or in the user's cache directory, for later processes. Loops run in the calling thread: Numba's threads and those of the
matrix library would fight for the cores. What a loop cannot take goes to the reference.
"""

from pathlib import Path

import numpy as np
from numba import config

from nnlite.kernels.compiled import (
    attention,
    convolution,
    dense,
    gates,
    losses,
    normalization,
    optimizers,
    recurrent,
    row_sums,
    windows,
)
from nnlite.kernels.compiled.attention import *
from nnlite.kernels.compiled.convolution import *
from nnlite.kernels.compiled.dense import *
from nnlite.kernels.compiled.dense_steps import dense_steps, dense_update  # noqa: F401 - no twins in `reference`
from nnlite.kernels.compiled.direct.products import multiply
from nnlite.kernels.compiled.gates import *
from nnlite.kernels.compiled.losses import *
from nnlite.kernels.compiled.normalization import *
from nnlite.kernels.compiled.optimizers import *
from nnlite.kernels.compiled.optimizers import adam, decay
from nnlite.kernels.compiled.parts.updates import penalize
from nnlite.kernels.compiled.recurrent import *
from nnlite.kernels.compiled.row_sums import *
from nnlite.kernels.compiled.windows import *
from nnlite.kernels.memory.disk import drop_stale

MODULES = (attention, convolution, dense, gates, losses, normalization, optimizers, recurrent, row_sums, windows)
__all__ = [name for module in MODULES for name in module.__all__]


def on_disk() -> set[str]:
    """The files, such as `"dense"`, whose kernels are in the disk cache."""
    files = {path.name.partition(".")[0] for path in Path(adam.stats.cache_path).glob("*.nbi")}
    directly = any(Path(multiply.stats.cache_path).glob("*.nbi"))  # what `convolution` calls has a folder of its own
    return files | {"convolution"} if directly else files


def kernels_of(files: set[str]) -> list[str]:
    """The names of the kernels in these files."""
    return [name for module in MODULES if module.__name__.rpartition(".")[2] in files for name in module.__all__]


if config.DISABLE_JIT:
    raise ImportError("NUMBA_DISABLE_JIT is set")
drop_stale(Path(__file__).parent, [Path(kernel.stats.cache_path) for kernel in (adam, multiply, penalize)])
decay(np.zeros(1), 0.0, None, np.zeros(1))  # finds out at once whether what is compiled can be kept
