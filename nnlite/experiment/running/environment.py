"""What a training ran with: versions, processor, matrix library, threads, kernels."""

import os
import platform
from pathlib import Path
from typing import Any

import numpy as np

import nnlite
from nnlite import kernels
from nnlite.threads import thread_counts

__all__ = ["environment"]


def environment(seed: int, data: dict[str, str]) -> dict[str, Any]:
    """All of it as JSON values.

    Args:
        seed: of the experiment.
        data: part -> fingerprint of its arrays.
    """
    return {
        "nnlite": nnlite.__version__,
        "python": platform.python_version(),
        "numpy": np.__version__,
        "platform": platform.platform(),
        "processor": _processor(),
        "cores": os.cpu_count(),
        "blas": _blas(),
        "threads": thread_counts(),
        "kernels": kernels.chosen(),
        "seed": seed,
        "data": data,
    }


def _processor() -> str:
    """The model of the processor, as far as the system tells."""
    try:
        text = Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return platform.processor() or platform.machine()
    names = [line.split(":", 1)[1].strip() for line in text.splitlines() if line.startswith("model name")]
    return names[0] if names else platform.machine()


def _blas() -> str:
    """The name and version of the matrix library that NumPy was built with."""
    config: Any = np.show_config(mode="dicts")
    blas = config.get("Build Dependencies", {}).get("blas", {})
    return " ".join(str(blas[key]) for key in ("name", "version") if key in blas) or "unknown"
