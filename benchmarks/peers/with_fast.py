"""nnlite with compiled kernels: NNLITE_KERNELS tells its process to use them. Without Numba it is left out."""

import numba  # noqa: F401 - the reason why it is left out

from benchmarks.peers.with_nnlite import NNLite

__all__ = ["NNLite"]
