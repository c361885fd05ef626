"""Prints requirements that pin libraries to their lower bounds: `numpy>=2.0` is `numpy==2.0.*`."""

import re
from pathlib import Path

# What nnlite depends on, and what tests of tables and estimators import; tests of other libraries are skipped.
TRIED = (
    "numpy",
    "pyyaml",
    "scikit-learn",
    "threadpoolctl",
    "cloudpickle",
    "pandas",
    "polars",
    "pyarrow",
    "pytest",
)


def lower_bounds(text: str) -> dict[str, str]:
    """The lower bounds in the text of a `pyproject.toml`, which Python 3.10 cannot read otherwise."""
    return dict(re.findall(r'"([\w-]+)(?:\[\w+\])?>=([\d.]+)"', text))


if __name__ == "__main__":
    bounds = lower_bounds((Path(__file__).parents[1] / "pyproject.toml").read_text(encoding="utf-8"))
    print("\n".join(f"{name}=={bounds[name]}.*" for name in TRIED))
