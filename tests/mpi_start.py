"""The program that starts several processes of MPI."""

import shutil
import sys
from pathlib import Path

__all__ = ["mpiexec_path"]


def mpiexec_path() -> str | None:
    """Path of mpiexec, that of this environment first; None where there is none."""
    beside = Path(sys.executable).with_name("mpiexec")
    return str(beside) if beside.exists() else shutil.which("mpiexec")
