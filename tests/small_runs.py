"""A run folder that is trained in a moment, for tests of what reads such folders."""

from pathlib import Path

import numpy as np

from nnlite.experiment import Experiment, train

CONFIG = """seed: 1
data:
  source: {Csv: {path: t.csv, target: t}}
  split: {validation: 0.2, test: 0.2}
model:
  - Normalization
  - Dense: {units: 3, activation: softmax}
compile: {optimizer: adam, loss: sparse_categorical_crossentropy, metrics: [accuracy]}
fit: {epochs: 2}
"""
# The files that its manifest lists, in that order.
LISTED = ["config.yaml", "preprocessing.json", "environment.json", "history.csv", "model.safetensors", "metrics.json"]


def train_small_run(folder: Path) -> Path:
    """Write the table `t.csv` and the config `c.yaml` into a folder, train into its `run`; returns the folder."""
    x = np.random.default_rng(0).normal(size=(60, 2))
    rows = [f"{a},{b},{'abc'[int(np.digitize(a, [-0.4, 0.4]))]}" for a, b in x]
    (folder / "t.csv").write_text("\n".join(["a,b,t", *rows]))
    (folder / "c.yaml").write_text(CONFIG)
    train(Experiment.from_file(folder / "c.yaml"), folder / "run", quiet=True)
    return folder
