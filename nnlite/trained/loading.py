"""`nnlite.load`."""

from os import PathLike
from pathlib import Path

from nnlite.errors import DataError
from nnlite.models import load_model
from nnlite.saving import check_manifest
from nnlite.trained.model import TrainedModel

__all__ = ["load", "model_file"]

MODEL_FILE = "model.safetensors"  # of a run folder


def load(path: str | PathLike) -> TrainedModel:
    """The trained model of a run folder or a model file, ready for raw rows.

    Of a run folder nothing but `model.safetensors` is read, and `manifest.json`, which says whether it is the one that
    the training wrote: the folder may have been moved, and its training data need not be there. NumPy is the only
    library that is needed.

    Args:
        path: a run folder, or a file that `model.save` wrote.

    Raises:
        DataError: no such file, a folder without a model, or with another one than it was trained.
        ModelFileError: a damaged file, or one whose parts do not fit together.

    >>> import os, tempfile
    >>> import numpy as np
    >>> import nnlite
    >>> from nnlite.data import Classes, Columns, Numeric
    >>> model = nnlite.Sequential([nnlite.Input((1,)), nnlite.layers.Dense(1, "sigmoid")], seed=0)
    >>> model.set_weights([np.array([[2.0]]), np.array([0.0])])
    >>> model.encoder = Columns([Numeric("age", 40.0, 40.0, 10.0)])
    >>> model.target = Classes("retired", ["no", "yes"], "binary")
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     model.save(os.path.join(folder, "model.safetensors"))
    ...     trained = nnlite.load(folder)
    >>> trained.predict([{"age": 25}, {"age": 70}])
    array(['no', 'yes'], dtype='<U3')
    """
    return TrainedModel(load_model(model_file(path)))


def model_file(path: str | PathLike) -> Path:
    """The model file of a run folder; a file itself."""
    place = Path(path)
    if not place.is_dir():
        return place
    if not (place / MODEL_FILE).is_file():
        raise DataError(f"{place}: not a run folder, it has no {MODEL_FILE}")
    check_manifest(place, [MODEL_FILE])
    return place / MODEL_FILE
