"""A table as people have it, and runs that were trained on it."""

import numpy as np

from nnlite.experiment import Experiment

ROWS = 260
CLASSIFY = {"loss": {"SparseCategoricalCrossentropy": {"from_logits": True}}, "metrics": ["accuracy"]}


def columns():
    """Named columns of cells: numbers, categories with gaps, an id, a class, two amounts."""
    random = np.random.default_rng(5)
    age, income = random.normal(40, 10, ROWS).round(2), random.normal(1000, 300, ROWS).round(1)
    city = random.choice(["Rome", "Oslo", "Bern", ""], ROWS)
    price = (3 * age + income / 10 + 20 * (city == "Oslo") + random.normal(0, 4, ROWS)).round(3)
    return {
        "id": [f"r{number}" for number in range(ROWS)],
        "age": age.tolist(),
        "city": city.tolist(),
        "income": income.tolist(),
        "answer": np.where(age + 10 * (city == "Rome") + random.normal(0, 3, ROWS) > 43, "yes", "no").tolist(),
        "price": price.tolist(),
        "rent": (price / 7 + random.normal(0, 1, ROWS)).round(3).tolist(),
    }


def write(path, table, delimiter=","):
    with open(path, "w", encoding="utf-8") as file:
        for row in [list(table), *zip(*table.values(), strict=True)]:
            file.write(delimiter.join(map(str, row)) + "\n")


def experiment(path, target, compile, units, **source):
    """A small experiment on the table; what is not an input is dropped."""
    targets = [target] if isinstance(target, str) else target
    drop = [name for name in ("id", "answer", "price", "rent") if name not in targets]
    csv = {"path": str(path), "target": target, "drop": drop, "categorical": ["city"], **source}
    return Experiment.get(
        {
            "seed": 3,
            "data": {"source": {"Csv": csv}, "split": {"validation": 0.2, "test": 0.2}},
            "model": [{"Dense": {"units": 8, "activation": "tanh"}}, {"Dense": {"units": units}}],
            "compile": {"optimizer": {"Adam": {"learning_rate": 0.02}}, **compile},
            "fit": {"epochs": 8},
        }
    )


def rows(table, count=None):
    """The table as a list of dicts."""
    return [dict(zip(table, cells, strict=True)) for cells in zip(*table.values(), strict=True)][:count]
