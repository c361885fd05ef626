"""Data sources, the split into parts, and the encoders between raw data and a network's arrays."""

from nnlite.data.encoders import (
    Classes,
    ColumnEncoder,
    Columns,
    InputEncoder,
    Numeric,
    OneHot,
    Preprocessing,
    Quantities,
    Raw,
    TargetEncoder,
)
from nnlite.data.idx import read_idx
from nnlite.data.preparation import Data, Prepared
from nnlite.data.section import Section
from nnlite.data.sources import Csv, Dataset, DataSource, Idx, Inline, Npz, SklearnDataset, find_file, read_npz
from nnlite.data.splits import Split
from nnlite.data.table import Table

__all__ = [
    "Classes",
    "ColumnEncoder",
    "Columns",
    "Csv",
    "Data",
    "DataSource",
    "Dataset",
    "Idx",
    "Inline",
    "InputEncoder",
    "Npz",
    "Numeric",
    "OneHot",
    "Prepared",
    "Preprocessing",
    "Quantities",
    "Raw",
    "Section",
    "SklearnDataset",
    "Split",
    "Table",
    "TargetEncoder",
    "find_file",
    "read_idx",
    "read_npz",
]
