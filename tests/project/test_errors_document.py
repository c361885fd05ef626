"""docs/errors.md: every message on the page is made by what provokes it here, and every provocation is on the page.

To add a row: add a provocation to `PROVOCATIONS`, under the heading of its section, and run this file as a script; it
prints the message, ready for the table.
"""

import gzip
import os
import re
import tempfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from nnlite import Input, Sequential, load, load_model
from nnlite.data import Csv, Data, Dialect, Npz, Split, Table, read_idx, read_table_file
from nnlite.errors import NNLiteError
from nnlite.experiment import Experiment, Run, resume, train
from nnlite.layers import Dense, Embedding

PAGE = Path(__file__).parents[2] / "docs" / "errors.md"
GOOD = "a,b,t\n1,x,0\n2,y,1\n"


def text(content: str | bytes, column: str | None = None, **dialect) -> Callable:
    """Provokes by a text file, or by one of its columns read as numbers."""

    def provoke() -> None:
        Path("t.csv").write_bytes(content if isinstance(content, bytes) else content.encode())
        table = Table.read("t.csv", dialect)
        if column is not None:
            table.numbers(column)

    return provoke


def source(content: str = GOOD, **arguments) -> Callable:
    """Provokes by a source of a classification."""

    def provoke() -> None:
        Path("t.csv").write_text(content)
        Data(Csv(**{"path": "t.csv", "target": "t", **arguments}), Split(0, 0)).prepare("sparse", seed=0)

    return provoke


def content(name: str, written: bytes, read: Callable) -> Callable:
    """Provokes by a file of these bytes."""

    def provoke() -> None:
        Path(name).write_bytes(written)
        read(name)

    return provoke


CONFIG = """\
seed: 1
data:
  source: {Csv: {path: t.csv, target: t}}
  split: {validation: 0.2, test: 0.2}
model:
  - Dense: {units: 8, activation: relu}
  - Dense: {units: 1}
compile: {optimizer: adam, loss: mse}
fit: {epochs: 4}
"""


def config(old: str, new: str) -> Callable:
    """Provokes by a config in which one text stands for another."""

    def provoke() -> None:
        assert old in CONFIG
        Path("c.yaml").write_text(CONFIG.replace(old, new))
        Experiment.from_file("c.yaml").check()

    return provoke


def run(spoil: Callable[[], object] | None = None, *overrides: str) -> Callable:
    """Provokes by a training, or by opening its run folder after `spoil`."""

    def provoke() -> None:
        lines = [f"{row},{row % 7},{row % 3}" for row in range(40)]
        Path("t.csv").write_text("\n".join(["a,b,t", *lines]) + "\n")
        Path("c.yaml").write_text(CONFIG.replace("epochs: 4", "epochs: 1"))
        train(Experiment.from_file("c.yaml", overrides), "run", quiet=True)
        assert spoil is not None
        spoil()
        Run("run")

    return provoke


def model(*layers, loss: str = "mse", optimizer: str = "sgd") -> Sequential:
    """A small model of these layers, of three inputs."""
    made = Sequential([Input((3,)), *(layers or [Dense(1)])], seed=0)
    made.compile(optimizer, loss)
    return made


def trained(use: Callable) -> Callable:
    """Provokes by the use of the trained model of a run."""

    def provoke() -> None:
        Path("other.csv").write_text("a,c\n1,2\n")
        run(lambda: use(load("run")))()

    return provoke


def split(**chosen) -> Callable:
    """Provokes by a split of a table with words in column b."""

    def provoke() -> None:
        lines = [f"{row},{'xyz'[row % 3]},{row % 5 * 1.5}" for row in range(40)]
        Path("t.csv").write_text("\n".join(["a,b,t", *lines]) + "\n")
        Data(Csv("t.csv", "t", columns={"b": "one_hot"}), Split(0.2, 0.2, **chosen)).prepare("regression", seed=0)

    return provoke


def run_into(folder: str) -> None:
    """Train in a folder."""
    Path("c.yaml").write_text(CONFIG)
    train(Experiment.from_file("c.yaml"), folder, quiet=True)


def cut_model_file() -> None:
    """Provokes by the first half of a model file."""
    model().save("m.safetensors")
    whole = Path("m.safetensors").read_bytes()
    Path("m.safetensors").write_bytes(whole[: len(whole) // 2])
    load_model("m.safetensors")


# Section of the page -> what provokes each of its messages, in the order of the page.
PROVOCATIONS: dict[str, list[Callable]] = {
    "Files": [
        lambda: Csv("no.csv", "t").located("/"),
        text(""),
        text("a,b\n"),
        text(b"a,b\n1,\0\n"),
        text("<!DOCTYPE html><p>not found</p>"),
        text(b"PAR1....PAR1"),
        text(b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"),
        text(gzip.compress(GOOD.encode(), mtime=0)[:-9]),
        text("a,b\n\u00e9,\u00fc\n".encode() + b"\xe9,1\n"),
        text("a,b\n\u00e9,1\n".encode("cp1252"), encoding="utf-8"),
        content("t.jsonl", b'{"a": 1}\n{"a": }\n', read_table_file),
        content("t.npz", b"text", lambda name: Npz(name).load("sparse")),
        content("t.idx", b"text", read_idx),
    ],
    "Rows and quotation marks": [
        text("a,b,c\n1,2\n"),
        text("a,b\n1,2,3\n4,5\n"),
        text("a,b\n1,2,3\n4,5,6\n"),
        text(GOOD, delimiter=";"),
        text('a,b\n1,x\n2,"y\n3,z\n'),
        text('a,b\n1,"5" pipe"\n'),
        text('a,b,c\n1,"x,2\n3,y,4\n5,z",6\n'),
    ],
    "Cells": [
        source(drop=["a"]),
        text("n;m\n1;2\n3,5;4\n", "n", decimal="."),
        text("n;m\n1;2\n1,234;4\n", "n", decimal=".", thousands="none"),
        text("n,m\n12 kg,1\n12 or so,2\n", "n"),
        text("n,m\n$12,1\n12 or so,2\n", "n"),
        text("n,m\n12%,1\n12 or so,2\n", "n"),
        text("n,m\n(12),1\n12 or so,2\n", "n"),
        text("n,m\n12/03/2021,1\n", "n"),
        text("n,m\n12:30,1\n5,2\n", "n"),
        text("n,m\nyes,1\n", "n"),
        text("n,m\n12_3,1\n", "n"),
        text("n,m\n\u221212,1\n12 or so,2\n", "n"),
        text("n,m\n\u0661\u0662,1\n", "n"),
        text("n,m\n1,1\nunknown,2\n3,3\n", "n"),
        text("n,m\n1,2\n3,4\n", "x0", header=False),
        text("n,m\n1,1\ninf,2\n", "n"),
        source("a,t\n1,0\n2,\n3,1\n"),
        source("a,b,t\n,1,0\n,2,1\n", categorical=["b"]),
    ],
    "Columns": [
        source(target="tt"),
        source("a,a,t\n1,2,0\n2,1,1\n", categorical=["a"]),
        source(drop=["a", "b"]),
        source(categorical=["b"], ordinal=["b"]),
        source(text="b", drop=["b"]),
        source("a,t\n1,0\n2,0\n"),
    ],
    "Stated dialects": [
        lambda: Dialect(delimiter="::"),
        lambda: Dialect(decimal=",", thousands=","),
        lambda: Dialect(encoding="utf9"),
    ],
    "Configs": [
        config("epochs:", "epoch:"),
        config("relu", "rellu"),
        config("Csv", "Cvs"),
        config("units: 8", "units: many"),
        config("units: 8, ", ""),
        config("fit: {epochs: 4}", "fit: {epochs: 4"),
        config("  - Dense: {units: 1}", "\t- Dense: {units: 1}"),
        config("seed: 1", "seed: 1\nseed: 2"),
        config("validation: 0.2", "validation: 0.9"),
        config("epochs: 4", "epochs: ${variables.n}"),
        config("seed: 1", "include: base.yaml"),
    ],
    "Models": [
        lambda: model().fit(np.zeros((4, 2)), np.zeros(4)),
        lambda: model().fit(np.zeros((4, 3)), np.zeros(5)),
        lambda: model().fit(np.zeros((4, 3)), np.zeros((4, 2))),
        lambda: model().fit(np.full((4, 3), np.nan), np.zeros(4)),
        lambda: model().fit(np.zeros((0, 3)), np.zeros(0)),
        lambda: model(Dense(2, "softmax"), loss="sparse_categorical_crossentropy").fit(np.zeros((4, 3)), [0, 1, 2, 1]),
        lambda: model(Embedding(5, 2)).predict(np.full((1, 3), 7)),
        lambda: Sequential([Dense(1)]).fit(np.zeros((4, 3)), np.zeros(4)),
        lambda: model(optimizer="adamm"),
        lambda: model().load_weights("no.safetensors"),
    ],
    "Predicting and evaluating": [
        trained(lambda made: made.predict({"a": 1.0})),
        trained(lambda made: made.predict([{"a": 1.0, "b": "much"}])),
        trained(lambda made: made.evaluate([{"a": 1.0, "b": 2.0}])),
        trained(lambda made: made.predict("other.csv")),
        trained(lambda made: made.predict_proba({"a": 1.0, "b": 2.0})),
    ],
    "Saving": [
        lambda: model().save("nowhere/m.safetensors"),
        lambda: model().save("m.weights.h5"),
        lambda: (model().save("m.safetensors"), model().save("m.safetensors", overwrite=False)),
        lambda: (model().save_weights("w.safetensors"), model(Dense(4), Dense(1)).load_weights("w.safetensors")),
        lambda: (model().save_weights("w.safetensors"), load_model("w.safetensors")),
        lambda: Sequential([Dense(1)]).save("m.safetensors"),
    ],
    "Splits": [
        split(time="day"),
        split(time="b"),
        split(stratify=True),
        split(group="a", time="a"),
    ],
    "Resuming": [
        run(lambda: resume("run", quiet=True)),
        run(lambda: resume("run", quiet=True, epochs=3, overrides=["fit.batch_size=8"])),
        lambda: resume("nowhere"),
        lambda: (Path("full").mkdir(), Path("full/x").touch(), run_into("full")),
    ],
    "Model files and runs": [
        lambda: load_model("no.safetensors"),
        cut_model_file,
        content("m.safetensors", b"text", load_model),
        content("m.keras", b"text", load_model),
        lambda: load("runs/none-1"),
        run(lambda: Path("run/metrics.json").write_text("{}")),
        run(lambda: Path("run/preprocessing.json").unlink()),
        run(None, "fit.epochs=5", "compile.optimizer={SGD: {learning_rate: 1.0e+30}}"),
        lambda: Run("."),
    ],
}


def message(provoke: Callable) -> str:
    """The error that a provocation raises, in an empty folder that it calls by no name."""
    before = os.getcwd()
    with tempfile.TemporaryDirectory() as folder:
        os.chdir(folder)
        try:
            provoke()
        except NNLiteError as error:
            return str(error).replace(f"{os.getcwd()}/", "").replace(f"{folder}/", "")
        finally:
            os.chdir(before)
    raise AssertionError("nothing was refused")


def rows(section: str) -> list[list[str]]:
    """The cells of a section's table, without its head."""
    body = PAGE.read_text(encoding="utf-8").partition(f"\n## {section}\n")[2].partition("\n## ")[0]
    lines = [line for line in body.splitlines() if line.startswith("| ``")]
    return [[cell.strip() for cell in re.split(r"(?<!\\)\|", line)[1:-1]] for line in lines]


def cell(text: str) -> str:
    """A message as it stands in the table."""
    return "`` " + text.replace("|", "\\|") + " ``"


@pytest.mark.parametrize("section", PROVOCATIONS)
def test_messages_of_the_page_are_those_that_are_raised(section):
    def without_lists(text: str) -> str:  # of names, to which classes of other tests belong
        return re.split(r"Allowed: |`nnlite list ", text)[0]

    raised = [cell(message(provoke)) for provoke in PROVOCATIONS[section]]
    assert [without_lists(row[0]) for row in rows(section)] == [without_lists(text) for text in raised]
    assert [row for row in rows(section) if len(row) != 3 or not all(row)] == [], "message, cause and remedy"


def test_every_section_is_provoked():
    assert re.findall(r"^## (.*)$", PAGE.read_text(encoding="utf-8"), re.MULTILINE) == list(PROVOCATIONS)


if __name__ == "__main__":
    for section, provocations in PROVOCATIONS.items():
        print(f"\n## {section}\n\n| message | cause | what to do |\n|---|---|---|")
        for provoke in provocations:
            print(f"| {cell(message(provoke))} |  |  |")
