"""What `test_predicting.py` runs in a process of its own, where nothing but NumPy can be imported."""

import csv
import sys
from pathlib import Path

BLOCKED = ("sklearn", "scipy", "pandas", "polars", "pyarrow", "yaml", "numba", "threadpoolctl", "PIL")


class Blocker:
    """Says of the blocked libraries that they are not installed."""

    @staticmethod
    def find_spec(name, path=None, target=None):
        if name.split(".")[0] in BLOCKED:
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)


def main(folder: Path, expected_file: str) -> None:
    import numpy as np

    import nnlite

    expected = np.load(expected_file)
    with open(folder / "table.csv", newline="", encoding="utf-8") as file:
        first = next(csv.DictReader(file))
    row = {"age": float(first["age"]), "city": first["city"], "income": float(first["income"])}
    for name in ("classes", "amount"):
        trained = nnlite.load(folder / name)
        x = trained.encoder.encode(nnlite.data.Table.read(str(folder / "table.csv")))
        assert np.array_equal(trained.model.predict(x, verbose=0), expected[f"{name}_outputs"])
        assert np.array_equal(trained.predict(folder / "table.csv"), expected[f"{name}_predictions"])
        figures = trained.evaluate(folder / "table.csv")
        assert np.array_equal(list(figures.values()), expected[f"{name}_figures"]), figures
        parts = trained.explain(row).contributions
        assert np.array_equal(list(parts.values()), expected[f"{name}_parts"]), parts
    assert not {name.split(".")[0] for name in sys.modules} & set(BLOCKED)
    print("all equal")


if __name__ == "__main__":
    sys.meta_path.insert(0, Blocker())
    main(Path(sys.argv[1]), sys.argv[2])
