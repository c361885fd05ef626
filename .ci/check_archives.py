"""Checks what the archives of a release hold: `python .ci/check_archives.py dist/*`."""

import sys
import tarfile
import zipfile
from pathlib import Path

LARGEST_WHEEL = 2 * 2**20  # bytes
NEEDED = ("py.typed", "foreign/keras_signatures.json", "experiment/starting/templates/")


def wheel_faults(path: Path) -> list[str]:
    """A wheel holds the package, its package data and its metadata, and nothing else."""
    names = zipfile.ZipFile(path).namelist()
    faults = [f"not of the package: {name}" for name in names if not name.startswith(("nnlite/", "nnlite-"))]
    faults += [
        f"a test or data: {name}" for name in names if "/tests/" in name or name.endswith((".csv", ".npz", ".gz"))
    ]
    faults += [f"missing: {needed}" for needed in NEEDED if not any(f"nnlite/{needed}" in name for name in names)]
    if path.stat().st_size > LARGEST_WHEEL:
        faults.append(f"{path.stat().st_size:,} bytes, more than {LARGEST_WHEEL:,}")
    return faults


def sdist_faults(path: Path) -> list[str]:
    """A source archive builds the wheel again: it holds the package, the license and the project's description."""
    with tarfile.open(path) as archive:
        names = {name.partition("/")[2] for name in archive.getnames()}
    needed = {
        "LICENSE",
        "README.md",
        "pyproject.toml",
        *(f"nnlite/{name}" for name in NEEDED if not name.endswith("/")),
    }
    return [f"missing: {name}" for name in sorted(needed - names)]


def main(paths: list[str]) -> int:
    archives = [Path(path) for path in paths]
    faults = [
        f"{path.name}: {fault}"
        for path in archives
        for fault in (wheel_faults if path.suffix == ".whl" else sdist_faults)(path)
    ]
    if sorted(path.suffix for path in archives) != [".gz", ".whl"]:
        faults.append(f"one sdist and one wheel were expected, not {', '.join(path.name for path in archives)}")
    print("\n".join(faults) or f"{', '.join(path.name for path in archives)}: as they should be")
    return bool(faults)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
