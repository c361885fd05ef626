"""Environment of a training run: versions, processor, matrix library, threads, kernels; comparison with another."""

import json
import os
import platform
import warnings
from pathlib import Path
from typing import Any

import numpy as np

import nnlite
from nnlite import kernels
from nnlite.config import is_deterministic
from nnlite.errors import DataError, TrainingWarning
from nnlite.saving import read_json
from nnlite.threads import thread_counts

__all__ = ["OtherEnvironmentWarning", "environment", "warn_of_changes"]

# What the last digits of results depend on.
DECISIVE = ("nnlite", "numpy", "processor", "blas", "instructions", "threads", "kernels", "deterministic")
_told: set[Path] = set()


class OtherEnvironmentWarning(TrainingWarning):
    """A run is evaluated or resumed with other versions, threads, kernels or on another processor than before."""


def environment(seed: int, data: dict[str, str]) -> dict[str, Any]:
    """The environment as JSON values.

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
        "instructions": _instructions(),
        "kernels": kernels.chosen(),
        "deterministic": is_deterministic(),
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


def _instructions() -> list[str]:
    """The instruction sets of this processor that NumPy makes use of, beyond those that it takes for granted."""
    config: Any = np.show_config(mode="dicts")
    return config.get("SIMD Extensions", {}).get("found", [])


def warn_of_changes(folder: Path) -> None:
    """Warn, once per folder, if the environment differs from `environment.json` in what affects results."""
    try:
        before = read_json(folder / "environment.json")
    except DataError:  # a run of before there was this file, or a damaged one
        return
    now = json.loads(json.dumps(environment(0, {})))
    changes = [
        f"{key} {_short(now[key])}, was {_short(before[key])}"
        for key in DECISIVE
        if key in before and before[key] != now[key]
    ]
    if changes and folder.resolve() not in _told:
        _told.add(folder.resolve())
        warnings.warn(
            f"{folder}: results may differ in their last digits, as the environment is another: {'; '.join(changes)}",
            OtherEnvironmentWarning,
            stacklevel=3,
        )


def _short(value: Any) -> str:
    if isinstance(value, dict):
        return " ".join(f"{key} {item}" for key, item in value.items())
    return ", ".join(map(str, value)) if isinstance(value, list) else str(value)
