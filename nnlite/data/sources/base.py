"""Where data comes from: scikit-learn's bundled sets, CSV, NPZ and IDX files, or the config itself."""

import dataclasses
import inspect
import os
import zipfile
import zlib
from pathlib import Path

import numpy as np

from nnlite.data.encoders.inputs import Columns, InputEncoder, Numeric, OneHot, Ordinal, Raw, TargetKind, Texts
from nnlite.data.sources.idx import read_idx
from nnlite.data.table import Table
from nnlite.errors import ConfigError, DataError, did_you_mean
from nnlite.registry import Configurable

__all__ = ["Csv", "DataSource", "Dataset", "Idx", "Inline", "Npz", "SklearnDataset", "find_file", "read_npz"]


@dataclasses.dataclass(frozen=True)
class Dataset:
    """Raw inputs and targets, row by row.

    Args:
        inputs: a `Table`, or an array of shape (rows, features, ...).
        target: class labels of shape (rows, ...), or for a regression numbers of shape (rows, columns).
        target_names: one name per column of the target.
    """

    inputs: Table | np.ndarray
    target: np.ndarray
    target_names: list[str]


class DataSource(Configurable, family="data source"):
    """A place that data comes from; a subclass writes `load`."""

    def located(self, folder: str) -> "DataSource":
        """The same source with absolute paths; relative ones are sought in `folder`, then in the current folder."""
        return self

    def load(self, target_kind: TargetKind) -> Dataset:
        """Read everything.

        Args:
            target_kind: what the loss needs: `"regression"` asks for numbers, the others for class labels.

        Raises:
            DataError: data that cannot be used; the message names file, place and remedy.
        """
        raise NotImplementedError

    def read_inputs(self, path: str) -> Table | np.ndarray:
        """Inputs alone, from a file like the source's own: what `nnlite predict` reads.

        A source without a file of its own reads a CSV file with one column per feature.
        """
        table = Table.read(path)
        return np.column_stack([table.quantities(name) for name in table.columns])

    def fit_inputs(self, inputs: Table | np.ndarray, rows: np.ndarray) -> InputEncoder:
        """The encoder of the inputs, as the training `rows` suggest."""
        return Texts() if inputs.dtype.kind in "OU" else Raw(inputs.shape[1:])


class SklearnDataset(DataSource):
    """One of the small data sets that come with scikit-learn; nothing is downloaded.

    Args:
        name: `"digits"`, `"iris"`, `"wine"`, `"breast_cancer"`, `"diabetes"` or `"linnerud"`.
    """

    name: str

    def validate(self) -> None:
        if self.name not in self._loaders():
            hint = did_you_mean(self.name, self._loaders())
            raise ConfigError(f"unknown data set {self.name!r}; {hint}", ("SklearnDataset", "name"))

    def load(self, target_kind: TargetKind) -> Dataset:
        bunch = self._loaders()[self.name]()
        names = bunch.get("target_names")
        if target_kind == "regression":
            target = bunch.target.reshape(len(bunch.target), -1).astype(float)
            return Dataset(bunch.data, target, list(names) if target.shape[1] > 1 else ["target"])
        if names is None or bunch.target.ndim > 1:
            raise DataError(f"data set {self.name!r} has no classes; choose a regression loss such as mse")
        return Dataset(bunch.data, np.asarray(names)[bunch.target], ["target"])

    @staticmethod
    def _loaders() -> dict:
        from sklearn import datasets

        functions = {name[5:]: getattr(datasets, name) for name in datasets.__all__ if name.startswith("load_")}
        return {name: load for name, load in functions.items() if "return_X_y" in inspect.signature(load).parameters}


class Csv(DataSource):
    """A CSV file whose first line names the columns.

    Numeric columns are standardised, with missing values filled by the median; categorical ones become one column
    of 0 and 1 per category, a missing value being a category of its own. All of it is learnt from the training part.

    Args:
        path: the file.
        target: the column to predict, or a list of columns for a regression with several outputs.
        categorical: input columns that hold categories rather than amounts.
        ordinal: columns of categories that become whole numbers instead, for an `Embedding`: 1, 2, ... in sorted
            order, 0 for what the training part did not hold.
        text: the one column that holds text; the other columns are left out.
        drop: columns to leave out, such as row numbers or names.
        delimiter: what stands between two cells; `";"` and tabs are common too.
    """

    path: str
    target: str | list[str]
    categorical: list[str] = ()
    ordinal: list[str] = ()
    text: str | None = None
    drop: list[str] = ()
    delimiter: str = ","

    def validate(self) -> None:
        if len(self.delimiter) != 1:
            raise ConfigError(f"expected one character, got {self.delimiter!r}", ("Csv", "delimiter"))
        if not self._targets():
            raise ConfigError("expected one column or more", ("Csv", "target"))
        both = sorted({*self.categorical} & {*self.ordinal})
        if both:
            raise ConfigError(f"{both[0]!r} is categorical as well; a column is one of them", ("Csv", "ordinal"))
        if self.text is not None and (self.categorical or self.ordinal):
            raise ConfigError("a model of texts takes one column; leave categorical and ordinal out", ("Csv", "text"))
        if self.text in (*self._targets(), *self.drop):
            raise ConfigError(f"{self.text!r} is the target, or dropped; name another column", ("Csv", "text"))

    def located(self, folder: str) -> "Csv":
        return dataclasses.replace(self, path=find_file(self.path, folder))

    def load(self, target_kind: TargetKind) -> Dataset:
        table = Table.read(self.path, self.delimiter)
        for name in (*self._targets(), *self.categorical, *self.ordinal, *self.drop):
            table.cells(name)
        if target_kind == "regression":
            target = np.column_stack([table.quantities(name) for name in self._targets()])
        elif len(self._targets()) == 1:
            target = table.labels(self._targets()[0])
        else:
            raise ConfigError("a classification has one target column", ("Csv", "target"))
        return Dataset(table, target, self._targets())

    def read_inputs(self, path: str) -> Table:
        return Table.read(path, self.delimiter)

    def fit_inputs(self, inputs: Table, rows: np.ndarray) -> InputEncoder:
        if self.text is not None:
            return Texts(self.text)
        names = [name for name in inputs.columns if name not in (*self._targets(), *self.drop)]
        if not names:
            raise DataError(f"{self.path}: no input columns are left beside the target and the dropped ones")
        kinds = [Ordinal if name in self.ordinal else OneHot if name in self.categorical else Numeric for name in names]
        return Columns([kind.fit(name, inputs, rows) for kind, name in zip(kinds, names, strict=True)])

    def _targets(self) -> list[str]:
        return [self.target] if isinstance(self.target, str) else list(self.target)


class Npz(DataSource):
    """Two arrays in a NumPy `.npz` file; neither may hold Python objects.

    Args:
        path: the file.
        inputs: name of the array of shape (rows, features, ...).
        target: name of the array of shape (rows,) or (rows, columns).
    """

    path: str
    inputs: str = "inputs"
    target: str = "target"

    def located(self, folder: str) -> "Npz":
        return dataclasses.replace(self, path=find_file(self.path, folder))

    def load(self, target_kind: TargetKind) -> Dataset:
        target = read_npz(self.path, self.target)
        return _dataset(self.read_inputs(self.path), target, target_kind, f"{self.path}: {self.target!r}")

    def read_inputs(self, path: str) -> np.ndarray:
        return _numeric(read_npz(path, self.inputs), f"{path}: {self.inputs!r}")


class Idx(DataSource):
    """Two files in the IDX format of MNIST, plain or compressed by gzip; values stay as they are (0 to 255).

    Args:
        inputs: the file of the images, of shape (rows, height, width).
        target: the file of the labels, of shape (rows,).
    """

    inputs: str
    target: str

    def located(self, folder: str) -> "Idx":
        inputs, target = find_file(self.inputs, folder), find_file(self.target, folder)
        return dataclasses.replace(self, inputs=inputs, target=target)

    def load(self, target_kind: TargetKind) -> Dataset:
        return _dataset(self.read_inputs(self.inputs), read_idx(self.target), target_kind, self.target)

    def read_inputs(self, path: str) -> np.ndarray:
        return _numeric(read_idx(path), path)


class Inline(DataSource):
    """A handful of rows written into the config itself.

    Args:
        inputs: one list of numbers per row.
        target: one label or number per row.
    """

    inputs: list
    target: list

    def load(self, target_kind: TargetKind) -> Dataset:
        try:
            inputs, target = np.array(self.inputs), np.array(self.target)
        except ValueError:
            raise DataError("Inline: the rows differ in length") from None
        return _dataset(_numeric(inputs, "Inline.inputs"), target, target_kind, "Inline.target")


def find_file(path: str, folder: str) -> str:
    """`path` made absolute; a relative one is sought in `folder`, then in the current folder."""
    tried = dict.fromkeys(os.path.abspath(Path(base, path).expanduser()) for base in (folder, "."))
    found = next(filter(os.path.isfile, tried), None)
    if found is None:
        raise DataError(f"no file {path!r}; looked for {' and '.join(tried)}")
    return found


def read_npz(path: str, name: str) -> np.ndarray:
    """The array called `name` in an `.npz` file; `DataError` if the file or the array cannot be used."""
    try:
        with np.load(path, allow_pickle=False) as arrays:
            if name not in arrays.files:
                raise DataError(f"{path}: no array {name!r}; {did_you_mean(name, arrays.files)}")
            return arrays[name]
    except DataError:
        raise
    except (ValueError, TypeError, AttributeError, EOFError, zipfile.BadZipFile, zlib.error) as error:
        raise DataError(f"{path}: not an .npz file of plain arrays ({error})") from None
    except OSError as error:
        raise DataError(f"{path}: {error.strerror}") from None


def _dataset(inputs: np.ndarray, target: np.ndarray, target_kind: TargetKind, place: str) -> Dataset:
    if target.ndim == 0 or len(target) != len(inputs):
        raise DataError(f"{place} has shape {target.shape}, but there are {len(inputs)} rows of inputs")
    if target_kind == "regression":
        target = _numeric(target.reshape(len(target), -1), place)
        columns = target.shape[1]
        return Dataset(inputs, target, ["target"] if columns == 1 else [f"target_{i}" for i in range(columns)])
    return Dataset(inputs, _labels(target, target_kind, place), ["target"])


def _labels(target: np.ndarray, target_kind: TargetKind, place: str) -> np.ndarray:
    if target.dtype.kind not in "biufU":
        raise DataError(f"{place} holds {target.dtype}, expected labels: numbers or texts")
    if target.dtype.kind == "f" and not np.isfinite(target).all():
        raise DataError(f"{place}: row {_first_bad(target)[0]} is {target[_first_bad(target)]}")
    if target.ndim == 2 and target.shape[1] == 1:
        return target[:, 0]
    if target_kind == "categorical" and target.ndim == 2:
        if target.dtype.kind == "U" or not (np.sort(target, axis=1) == np.eye(target.shape[1])[-1]).all():
            raise DataError(f"{place} has shape {target.shape}, expected one label, or one 1 among 0, per row")
        return target.argmax(axis=1)
    if target.ndim > 1 and target_kind != "sparse":
        raise DataError(f"{place} has shape {target.shape}, expected one label per row")
    return target


def _numeric(array: np.ndarray, place: str) -> np.ndarray:
    if array.dtype.kind not in "biuf":
        raise DataError(f"{place} holds {array.dtype}, expected numbers")
    if array.ndim < 2 or array.size == 0:
        raise DataError(f"{place} has shape {array.shape}, expected (rows, features, ...) with at least one row")
    if not np.isfinite(array).all():
        row, *column = _first_bad(array)
        raise DataError(f"{place}: row {row}, column {', '.join(map(str, column))} is {array[(row, *column)]}")
    return array


def _first_bad(array: np.ndarray) -> tuple[int, ...]:
    """Index of the first value that is not finite, counted from 0."""
    return tuple(int(i) for i in np.argwhere(~np.isfinite(array))[0])
