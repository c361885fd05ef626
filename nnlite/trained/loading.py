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
    """Load the trained model of a run folder or a model file, ready to predict from raw rows.

    Of a run folder, only `model.safetensors` and `manifest.json` are read; the manifest shows whether the model is the
    one that the training wrote. The folder may have been moved, the training data are not needed, and NumPy is the only
    library required.

    Args:
        path: a run folder, or a file written by `model.save`.

    Raises:
        DataError: no such file, or a folder without its model or with a different one.
        ModelFileError: a damaged or inconsistent file.

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
    """The model file of a run folder; for a file, the file itself."""
    location = Path(path)
    if not location.is_dir():
        return location
    if not (location / MODEL_FILE).is_file():
        if (location / "config.yaml").is_file():
            remedy = f"continue with: nnlite train --resume {location}"
            raise DataError(f"{location}: the training has not ended, there is no {MODEL_FILE} yet; {remedy}")
        raise DataError(f"{location}: not a run folder, it has no {MODEL_FILE}")
    check_manifest(location, [MODEL_FILE])
    return location / MODEL_FILE
