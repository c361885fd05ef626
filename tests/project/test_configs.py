"""The configs that come along: each runs, shortened, and those that need no file reach what they promise."""

import gzip
import struct
from pathlib import Path

import numpy as np
import pytest

from nnlite.experiment import Experiment, Run, train

CONFIGS = {path.stem: path for path in sorted((Path(__file__).parents[2] / "configs").glob("*.yaml"))}


def write_idx(path, array):
    header = struct.pack(f">BBBB{array.ndim}I", 0, 0, 0x08, array.ndim, *array.shape)
    path.write_bytes(gzip.compress(header + array.tobytes()))


def my_table(folder, random):
    rows = [f"{i},{random.uniform():.3f},{'' if i % 7 else i},{'AB'[i % 2]},{50 * i}" for i in range(80)]
    (folder / "my_table.csv").write_text("\n".join(["id,size,age,city,price", *rows]))


def mnist(folder, random):
    write_idx(folder / "t10k-images-idx3-ubyte.gz", random.integers(256, size=(60, 28, 28), dtype=np.uint8))
    write_idx(folder / "t10k-labels-idx1-ubyte.gz", (np.arange(60) % 10).astype(np.uint8))


def housing(folder, random):
    names = ["longitude", "latitude", "housing_median_age", "total_rooms", "total_bedrooms", "population"]
    names += ["households", "median_income", "median_house_value", "ocean_proximity"]
    places = ["<1H OCEAN", "INLAND", "ISLAND", "NEAR BAY", "NEAR OCEAN"]
    rows = [[f"{value:.2f}" for value in random.normal(size=9)] + [places[row % 5]] for row in range(100)]
    rows[3][4] = ""
    (folder / "housing.csv").write_text("\n".join(map(",".join, [names, *rows])))


FILES = {"csv_template": my_table, "mnist_convnet": mnist, "housing_embedding": housing, "table_defaults": housing}
SHORTER = {
    "agreement_lstm": ["data.source.Agreement.rows=120"],
    "agreement_attention": ["data.source.Agreement.rows=120"],
    "series_gru": ["data.source.SeasonalSeries.rows=100"],
    "digits_resnet": ["fit.batch_size=256"],
}


def trained(name, folder, epochs):
    """A short run of a config in `folder`, with the files that it names."""
    if name in FILES:
        FILES[name](folder, np.random.default_rng(0))
    return train(Experiment.from_file(CONFIGS[name], [f"fit.epochs={epochs}", *SHORTER.get(name, [])]), quiet=True)


@pytest.mark.parametrize("name", CONFIGS)
def test_every_config_runs(name, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    run = trained(name, tmp_path, epochs=2)
    assert run.metrics
    assert all(value is not None for values in run.metrics.values() for value in values.values())
    assert len((run.folder / "history.csv").read_text().splitlines()) == 3
    assert Run(run.folder).evaluate() == run.metrics


@pytest.mark.parametrize(
    ("name", "overrides", "metric", "bound"),
    [
        ("digits", [], "accuracy", 0.97),
        ("digits_resnet", ["fit.epochs=7"], "accuracy", 0.98),
        ("agreement_lstm", ["data.source.Agreement.rows=3000", "fit.epochs=9"], "accuracy", 0.95),
    ],
)
def test_a_config_reaches_what_it_promises(name, overrides, metric, bound, tmp_path):
    run = train(Experiment.from_file(CONFIGS[name], overrides), out=tmp_path / "run", quiet=True)
    assert run.metrics["test"][metric] >= bound
