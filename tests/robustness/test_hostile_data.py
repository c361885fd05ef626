"""Two hundred data files made by hand: each is one error that names it, or is read, at a bounded cost."""

import os

import pytest
from bounds import within
from hostile_data import GOOD, PICTURES, READ, REFUSED, archive, array, indexed, lines, prepared, specials, streamed

from nnlite.data import image_dataset_from_directory, open_rows, read_table_file
from nnlite.errors import DataError, NNLiteError

SECONDS, SECONDS_PER_MB = 10.0, 1.0  # of the processor, with the tracing of memory
MEMORY = 64 * 2**20  # beyond the length of the file
EXPANDED = 2**30  # what a compressed file may take until it meets a limit
BY_LIBRARY = {"parquet": "pyarrow", "feather": "pyarrow", "xlsx": "openpyxl", "xls": "openpyxl"}

pytestmark = pytest.mark.usefixtures("quiet")


@pytest.fixture(scope="module", autouse=True)
def libraries_are_imported(tmp_path_factory):
    """What is imported when a table is read for the first time is no cost of that table."""
    path = tmp_path_factory.mktemp("good") / "good.csv"
    path.write_bytes(GOOD)
    prepared(str(path))


def outcome(read, path, length, compressed=False):
    """The error of a file, None if it is read; within bounds."""
    seconds = SECONDS + SECONDS_PER_MB * length / 1e6
    memory = 8 * length + MEMORY + compressed * EXPANDED  # 8 times: decoded, split, compared
    try:
        within(lambda: read(path), seconds, memory)
    except NNLiteError as error:
        return error
    return None


@pytest.mark.parametrize("name", REFUSED)
def test_what_is_refused(name, tmp_path):
    content, read = REFUSED[name]
    if (library := BY_LIBRARY.get(name.rsplit(".")[-1])) is not None:
        pytest.importorskip(library)
    data = content if isinstance(content, bytes) else content()
    (tmp_path / name).write_bytes(data)
    compressed = name.endswith((".gz", ".bz2", ".xz", ".npz"))
    error = outcome(read, str(tmp_path / name), len(data), compressed)
    assert isinstance(error, NNLiteError), error
    assert any(part in str(error) for part in (name, "split.", "column ", "target 't'", "encoding")), error
    assert len(str(error)) < 2_000


@pytest.mark.parametrize("name", READ)
def test_what_is_read(name, tmp_path):
    content, read = READ[name]
    (tmp_path / name).write_bytes(content)
    assert outcome(read, str(tmp_path / name), len(content)) is None


@pytest.mark.parametrize("name", PICTURES)
def test_pictures(name, tmp_path):
    pytest.importorskip("PIL")
    (tmp_path / "pictures").mkdir()
    (tmp_path / "pictures" / name).write_bytes(PICTURES[name])

    def read(path):
        options = {"labels": None, "verbose": False, "image_size": (8, 8)}
        return list(image_dataset_from_directory(os.path.dirname(path), **options))

    error = outcome(read, str(tmp_path / "pictures" / name), len(PICTURES[name]))
    assert isinstance(error, DataError) and name in str(error)


@pytest.mark.skipif(os.name != "posix", reason="files of POSIX")
@pytest.mark.parametrize("read", [prepared, streamed, archive, array, indexed, lines, open_rows, read_table_file])
def test_what_is_no_file(read, tmp_path):
    for label, path in specials(tmp_path).items():
        error = outcome(read, path, 0)
        assert isinstance(error, NNLiteError), label
        assert len(str(error)) < 8_000, label


def test_there_are_two_hundred():
    assert len(REFUSED) + len(READ) + len(PICTURES) >= 200
