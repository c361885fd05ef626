"""The configs that come along, trained shortly on small files that stand for those that they name."""

import gzip
import struct
from pathlib import Path

import numpy as np
import pytest

from nnlite.experiment import Experiment, train

CONFIGS = {path.stem: path for path in sorted((Path(__file__).parents[1] / "configs").glob("*.yaml"))}


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


def photos(folder, random):
    """24 images in two folders: bright spots on cats, dark ones on dogs."""
    image = pytest.importorskip("PIL.Image")
    for label, (low, high) in {"cat": (100, 256), "dog": (0, 100)}.items():
        (folder / "photos" / label).mkdir(parents=True)
        for number in range(12):
            pixels = random.integers(low, high, (12, 14, 3), dtype=np.uint8)
            image.fromarray(pixels).save(folder / "photos" / label / f"{number}.png")


FILES = {
    "csv_template": my_table,
    "mnist_convnet": mnist,
    "housing_embedding": housing,
    "table_defaults": housing,
    "image_folder": photos,
}
SHORTER = {
    "agreement_lstm": ["data.source.Agreement.rows=120"],
    "agreement_attention": ["data.source.Agreement.rows=120"],
    "series_gru": ["data.source.SeasonalSeries.rows=100"],
    "image_folder": ["data.source.ImageFolder.image_size=[24, 24]"],
    "digits_resnet": ["fit.batch_size=256"],
}


def trained(name, folder, epochs):
    """A short run of a config in `folder`, with the files that it names."""
    if name in FILES:
        FILES[name](folder, np.random.default_rng(0))
    return train(Experiment.from_file(CONFIGS[name], [f"fit.epochs={epochs}", *SHORTER.get(name, [])]), quiet=True)
