"""The k-th write fails, for each k until one run passes untouched: one error, and nothing half-written is left."""

import builtins
import errno
import os
from pathlib import Path

import numpy as np
import pytest

from nnlite import load_model
from nnlite.cli import main

CONFIG = """seed: 1
data:
  source: {Csv: {path: t.csv, target: y, stream: true, cache: cache}}
  split: {validation: 0.2, test: 0.2}
model: [{Dense: {units: 4, activation: relu}}, {Dense: {units: 1}}]
compile: {optimizer: adam, loss: mse}
fit: {epochs: 1, batch_size: 32, callbacks: [{CSVLogger: {filename: log.csv}}]}
"""


class Writes:
    """Counts what is written below a folder, and lets the k-th of it fail as on a full disk."""

    def __init__(self, folder, monkeypatch):
        self.folder, self.count, self.failing = str(folder), 0, None
        for module, name, of in ((os, "open", 0), (os, "replace", 1), (os, "link", 1), (builtins, "open", 0)):
            monkeypatch.setattr(module, name, self._failing(getattr(module, name), module is builtins, of))
        monkeypatch.setattr(os, "fsync", self._failing(os.fsync, None, 0))

    def _failing(self, function, is_file, place):
        def call(*arguments, **options):
            path = arguments[place]
            if is_file is None:
                writes = True
            elif is_file:
                mode = str(options.get("mode", arguments[1] if len(arguments) > 1 else "r"))
                writes = bool(set(mode) & set("wax+"))
            else:
                writes = function.__name__ != "open" or bool(arguments[1] & (os.O_WRONLY | os.O_RDWR))
            inside = isinstance(path, int) or os.path.abspath(path).startswith(self.folder)
            if writes and inside:
                self.count += 1
                if self.count == self.failing:
                    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), None if isinstance(path, int) else str(path))
            return function(*arguments, **options)

        return call


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    generator = np.random.default_rng(0)
    rows = [f"{x:.4f},{y:.4f},{x - y:.4f}" for x, y in generator.normal(size=(60, 2))]
    Path("t.csv").write_text("\n".join(["a,b,y", *rows]))
    Path("c.yaml").write_text(CONFIG)
    assert main(["train", "c.yaml", "--out", "first", "--quiet"]) == 0
    return tmp_path


def save(number):
    load_model("first/model.safetensors").save("saved.safetensors")
    return 0


# name -> what is done, by its exit code, and the file that is there before and must not be harmed.
TRAIN = ["train", "c.yaml", "--quiet", "--out"]
TASKS = {
    "encode and train": (
        lambda n: main([*TRAIN, f"run{n}", "--set", f"data.source.Csv.cache=new{n}"]),
        "first/model.safetensors",
    ),
    "predict": (lambda n: main(["predict", "first", "t.csv", "-o", "out.csv"]), "out.csv"),
    "save": (save, "saved.safetensors"),
    "report": (lambda n: main(["report", "first", "-o", "page.html"]), "page.html"),
}


@pytest.mark.parametrize("task", TASKS)
def test_every_kth_write_fails(task, folder, monkeypatch, capsys):
    run, kept = TASKS[task]
    if not Path(kept).exists():
        Path(kept).write_text("what was there before")
    before, others = Path(kept).read_bytes(), {path for path in Path().rglob("*") if "cache" not in path.parts}
    writes = Writes(folder, monkeypatch)
    for writes.failing in range(1, 400):
        writes.count = 0
        capsys.readouterr()
        try:
            code = run(writes.failing)
        except OSError as error:  # of the library, which the command line makes a message of
            assert task == "save" and "No space left" in str(error) and kept in str(error)
            code = 5
        told = capsys.readouterr().err
        if code == 0:
            if writes.count < writes.failing:
                break
            assert told.count("\n") == told.count("nnlite: ")  # warnings: a log or a checkpoint was not written
            continue
        assert code == 5 and "Traceback" not in told and (task == "save" or told.startswith("nnlite: ")), told
        assert "No space left on device" in told or task == "save"
        assert Path(kept).read_bytes() == before
        fresh = {path for path in Path().rglob("*") if "cache" not in path.parts} - others
        left = [path for path in fresh if path.suffix in (".tmp", ".part") or path.name.endswith("~")]
        assert left == [], (writes.failing, left)
    else:
        raise AssertionError("no run passed untouched")
    assert writes.failing > 2
    assert not [path for path in Path().rglob("*") if path.suffix in (".tmp", ".part")]
