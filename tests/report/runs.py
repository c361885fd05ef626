"""Small runs for the tests of reports."""

import csv

import numpy as np

from nnlite.experiment import Experiment, Run, train

DENSE = [{"Dense": {"units": 8, "activation": "relu"}}]
CLASSES = {"SparseCategoricalCrossentropy": {"from_logits": True}}
BINARY = {"BinaryCrossentropy": {"from_logits": True}}


def write_csv(path, columns):
    with open(path, "w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(columns)
        writer.writerows(zip(*columns.values(), strict=True))


def table(folder, rows=200):
    """A table with names that need escaping, gaps, categories, and targets of every kind."""
    random = np.random.default_rng(0)
    size, age = random.normal(50, 10, rows), random.integers(0, 80, rows)
    place = random.choice(["<b>Rome</b>", "Oslo & Bergen", "Bern"], rows)
    price = 1000 * size + 5000 * (place == "Bern") + random.normal(0, 500, rows)
    colours = ["|".join(np.array(["red", "blue", "green"])[random.random(3) < 0.4]) for _ in range(rows)]
    columns = {
        "size <m2>": [f"{own:.2f}" for own in size],
        "age": ["" if row % 9 == 0 else str(own) for row, own in enumerate(age)],
        "place": list(place),
        "price": [f"{own:.2f}" for own in price],
        "dear": ["yes" if own > 50_000 else "no" for own in price],
        "kind": ["<i>a</i>" if own < 45_000 else "b" if own < 55_000 else "c" for own in price],
        "colours": colours,
    }
    write_csv(folder / "table.csv", columns)
    return str(folder / "table.csv")


def csv_config(path, target, units, loss, **data):
    targets = {"price", "dear", "kind", "colours"} - {target}
    source = {"Csv": {"path": path, "target": target, "categorical": ["place"], "drop": sorted(targets)}}
    return config(source, [*DENSE, {"Dense": {"units": units}}], loss, **data)


def config(source, model, loss, metrics=(), epochs=3, **data):
    return {
        "seed": 0,
        "data": {"source": source, "split": {"validation": 0.2, "test": 0.2}, **data},
        "model": model,
        "compile": {"optimizer": {"Adam": {"learning_rate": 0.01}}, "loss": loss, "metrics": list(metrics)},
        "fit": {"epochs": epochs},
    }


def digits(epochs=3):
    model = [{"Rescaling": {"scale": 0.0625}}, *DENSE, {"Dense": {"units": 10}}]
    return config({"SklearnDataset": {"name": "digits"}}, model, CLASSES, ["accuracy"], epochs)


def series():
    source = {"SeasonalSeries": {"rows": 100, "window": 20, "horizon": 3, "period": 5, "long_period": 10, "noise": 0.1}}
    return config(source, [{"GRU": {"units": 4}}, {"Dense": {"units": 3}}], "mse", ["mean_absolute_error"])


def texts():
    model = ["TextVectorization", {"Embedding": {"input_dim": 32, "output_dim": 4, "mask_zero": True}}]
    model += ["GlobalAveragePooling1D", {"Dense": {"units": 1, "activation": "sigmoid"}}]
    return config({"Agreement": {"rows": 80}}, model, "binary_crossentropy", ["accuracy"])


def xor():
    made = config({"Inline": {"inputs": [[0, 0], [0, 1], [1, 0], [1, 1]], "target": [0, 1, 1, 0]}}, [], "mse")
    made["data"]["split"] = {"validation": 0, "test": 0}
    made["model"] = [{"Dense": {"units": 4, "activation": "tanh"}}, {"Dense": {"units": 1, "activation": "sigmoid"}}]
    made["compile"]["loss"] = "BinaryCrossentropy"
    return made


def images():
    model = [{"Rescaling": {"scale": 0.0625}}, {"Reshape": {"target_shape": [8, 8, 1]}}]
    model += [
        {"Conv2D": {"filters": 2, "kernel_size": 3}},
        "Flatten",
        {"Dense": {"units": 10, "activation": "softmax"}},
    ]
    return config({"SklearnDataset": {"name": "digits"}}, model, "sparse_categorical_crossentropy", epochs=1)


def made(folder, kind) -> Run:
    """The run of one kind, in a folder that holds its table as well."""
    path = table(folder)
    configs = {
        "classes": lambda: csv_config(path, "kind", 3, CLASSES),
        "binary": lambda: csv_config(path, "dear", 1, BINARY, threshold="f1"),
        "labels": lambda: csv_config(path, "colours", 3, BINARY, target_separator="|"),
        "regression": lambda: csv_config(path, "price", 1, "mse"),
        "digits": digits,
        "images": images,
        "series": series,
        "texts": texts,
        "xor": xor,
    }
    return train(Experiment.get(configs[kind]()), folder / kind, quiet=True)


KINDS = ("classes", "binary", "labels", "regression", "digits", "images", "series", "texts", "xor")
