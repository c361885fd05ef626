"""Data larger than memory: the rows are those of the file, each once, and what is fitted to them is what was fitted."""

import bz2
import contextlib
import gzip
import io
import json
import lzma
import math
import shutil
import threading
import zipfile
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

import nnlite
from benchmarks import storage as benchmark
from nnlite import Model, Sequential
from nnlite.arrays import rows as block_rows, stored
from nnlite.arrays.stored import StoredRows
from nnlite.callbacks import Checkpoints, LambdaCallback
from nnlite.cli import main
from nnlite.data import Columns, Data, Numeric, OneHot, Table, open_rows, read_table_file
from nnlite.data.batches import ArrayBatches, IterableBatches
from nnlite.data.splits import Split
from nnlite.data.storage import batches as storage_batches, chunks, scanning, stored_tables, text
from nnlite.data.storage.batches import StoredBatches, batches_of
from nnlite.data.storage.chunks import arrow_chunks
from nnlite.data.storage.scanning import row_parts
from nnlite.data.storage.text import text_chunks
from nnlite.errors import ConfigError, DataError, TrainingWarning
from nnlite.experiment import Experiment, Run, train
from nnlite.experiment.judging.intervals import validation_intervals
from nnlite.experiment.judging.measuring import judge, predictions
from nnlite.layers import Dense, Input, Normalization
from nnlite.metrics.scores import quantities

ROWS = 700


@pytest.fixture
def array():
    return np.random.default_rng(0).standard_normal((ROWS, 3)).astype(np.float32)


@pytest.fixture
def rows(array, tmp_path):
    np.save(tmp_path / "x.npy", array)
    return open_rows(tmp_path / "x.npy")


def write_table(path, rows=ROWS, labels=("no", "yes"), rare_row=None):
    """A file with a column of numbers with gaps, a category, a quoted text and a target; the lines of its rows."""
    draw, lines = np.random.default_rng(1), ["size,colour,note,price,bought"]
    for row in range(rows):
        size, colour = draw.normal(), ["red", "green", ""][draw.integers(3)]
        note = '"two\nlines, one cell"' if row % 50 == 3 else "plain"
        shown = "" if row % 7 == 0 else f" {size:.4f}"
        colour = "violet" if row == rare_row else colour
        lines.append(f"{shown},{colour},{note},{3 * size + draw.normal():.4f},{labels[int(size > 0)]}")
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


def source(path, **more):
    return {"Csv": {"path": str(path), "categorical": ["colour"], "stream": True, **more}}


def regression(path, split=None, **more):
    return Data(source(path, **{"target": "price", "drop": ["note", "bought"], **more}), split=split or Split())


# Rows of a file


def test_rows_are_those_of_numpy(rows, array):
    assert rows.shape == array.shape and rows.dtype == array.dtype and len(rows) == ROWS and rows.ndim == 2
    numbers = np.array([5, 0, 5, -1 % ROWS])
    for taken in (slice(None), slice(3, 9), slice(650, 800), slice(9, 3), slice(0, 20, 3), numbers, array[:, 0] > 0, 7):
        assert np.array_equal(rows[taken], array[taken]), taken
    assert np.array_equal(rows.take(numbers.reshape(2, 2)), array[numbers.reshape(2, 2)])
    assert np.array_equal(np.asarray(rows), array) and np.asarray(rows, np.float64).dtype == np.float64
    assert rows.astype(np.float64)[2:4].dtype == np.float64 and rows.astype(np.float32) is rows


@pytest.mark.parametrize("save", [np.savez, np.savez_compressed])
def test_arrays_of_npz_files_are_read_in_place_or_unpacked_once(save, array, tmp_path):
    path = tmp_path / "both.npz"
    labels = np.arange(ROWS, dtype=">i8")
    save(path, x=array, labels=labels)
    rows = open_rows(path, "x")
    assert np.array_equal(rows[:], array) and (rows.path == path) == (save is np.savez)
    cached = open_rows(path, "labels", cache=tmp_path / "kept")
    assert np.array_equal(cached[5:9], labels[5:9]) and cached.dtype == np.int64
    if save is np.savez_compressed:
        unpacked = rows.path
        assert cached.path.parent == tmp_path / "kept" and unpacked.exists()
        time = cached.path.stat().st_mtime_ns
        assert open_rows(path, "labels", cache=tmp_path / "kept").path.stat().st_mtime_ns == time
        del rows
        assert not unpacked.exists() and cached.path.exists()


def test_files_that_cannot_be_used_are_refused_by_name(tmp_path, array):
    cases = {
        "columns.npy": (np.asfortranarray(array), "stored by columns"),
        "objects.npy": (np.array([{}], dtype=object), "Python objects"),
        "empty.npy": (array[:0], "at least one row"),
    }
    for name, (content, message) in cases.items():
        np.save(tmp_path / name, content, allow_pickle=True)
        with pytest.raises(DataError, match=f"{name}: .*{message}"):
            open_rows(tmp_path / name)
    (tmp_path / "text.npy").write_text("no array")
    with pytest.raises(DataError, match=r"text\.npy: not an \.npy or \.npz file"):
        open_rows(tmp_path / "text.npy")
    with pytest.raises(DataError, match=r"absent\.npy: No such file"):
        open_rows(tmp_path / "absent.npy")
    np.savez(tmp_path / "two.npz", x=array, y=array)
    with pytest.raises(DataError, match="several arrays, name one; Allowed: x, y"):
        open_rows(tmp_path / "two.npz")
    with pytest.raises(DataError, match="no array 'z'"):
        open_rows(tmp_path / "two.npz", "z")


def test_a_number_that_is_not_finite_is_found_in_its_place(tmp_path, array, monkeypatch):
    monkeypatch.setattr(block_rows, "BLOCK_BYTES", 1200)
    array[640, 2] = np.inf
    np.save(tmp_path / "x.npy", array)
    rows, model = open_rows(tmp_path / "x.npy"), compiled(array[:600])
    with pytest.raises(DataError, match="not finite in row 640, column 2"):
        model.fit(rows, array[:, 0], verbose=0)


# Batches


def walked(batches, step=0):
    return [[None if array is None else np.array(array) for array in batch] for batch in batches.epoch(step)]


@pytest.mark.parametrize("window", [12 * 40, 12 * 256, 2**25])
@pytest.mark.parametrize("batch", [1, 16, 64, 1000])
def test_an_epoch_has_every_row_once_beside_its_target(rows, array, window, batch):
    targets, weights = array @ [1.0, 2.0, 3.0], np.arange(ROWS)
    batches = StoredBatches((rows, targets, weights), batch, shuffle_seed=3, window_bytes=window)
    epoch = walked(batches)
    assert [len(x) for x, _, _ in epoch] == [len(x) for x, _, _ in walked(ArrayBatches((array, None, None), batch))]
    x, y, w = (np.concatenate(parts) for parts in zip(*epoch, strict=True))
    assert np.array_equal(np.sort(w), weights) and np.array_equal(x, array[w]) and np.array_equal(y, targets[w])


def test_order_depends_on_seed_and_step_alone_and_mixes_the_file(rows):
    place = np.arange(ROWS)

    def order(seed, step):
        batches = StoredBatches((rows, place, None), 16, seed, window_bytes=12 * 128)
        return np.concatenate([y for _, y, _ in walked(batches, step)])

    assert np.array_equal(order(0, 5), order(0, 5))
    assert not np.array_equal(order(0, 5), order(0, 6)) and not np.array_equal(order(0, 5), order(1, 5))
    assert np.array_equal(order(None, 0), place)
    first = order(0, 0)[:128]  # one window: blocks of 4 rows from all over the file, and no block's rows together
    assert first.min() < 150 and first.max() > 550 and len(set(first // 4)) == 32
    assert np.mean(np.abs(np.diff(first)) == 1) < 0.1


def test_what_fits_into_one_window_is_permuted_fully(rows):
    x = np.concatenate([y for _, y, _ in walked(StoredBatches((rows, np.arange(ROWS), None), 16, 0))])
    assert len(set(x[:16] // 22)) > 8  # blocks would have 21 or 22 rows


def test_steps_end_the_epoch_and_the_thread(rows):
    assert len(walked(StoredBatches((rows, None, None), 16, 0, steps=3, window_bytes=12 * 64))) == 3
    with pytest.warns(TrainingWarning, match="45 steps of 16 rows were asked for, the data has 44"):
        assert StoredBatches((rows, None, None), 16, steps=45).steps == 44
    for first in (0, 1, 5):
        stopped = StoredBatches((rows, None, None), 16, 0, window_bytes=12 * 64).epoch(first=first)
        next(stopped)
        assert reading_ahead()
        stopped.close()
        assert not reading_ahead()


def reading_ahead():
    return [thread for thread in threading.enumerate() if thread.name.startswith("nnlite-read-ahead")]


@pytest.mark.parametrize("first", [0, 1, 5])
def test_first_batches_are_passed_over(rows, array, first):
    for batches in (StoredBatches((rows, array, None), 16, 0), IterableBatches([(array, array)] * 7, lambda *own: own)):
        for have, want in zip(batches.epoch(3, first), list(batches.epoch(3))[first:], strict=True):
            assert np.array_equal(have[0], want[0]) and np.array_equal(have[1], want[1])


@pytest.mark.parametrize("seed", [0, None])
@pytest.mark.parametrize("window", [12 * 64, 2**25])
def test_epochs_of_a_few_batches_go_on_where_the_one_before_stopped(rows, seed, window):
    def epochs(steps, first=0, skipped=0):
        batches = StoredBatches((rows, np.arange(ROWS), None), 16, seed, steps, window)
        batches.goes_on = True
        batches.skip(skipped)
        done, epoch = skipped, []
        while done < 2 * 44:  # each row twice
            epoch.append([y.tolist() for _, y, _ in batches.epoch(done, first)])
            done, first = done + first + len(epoch[-1]), 0
        return [batch for batches in epoch for batch in batches]

    whole = epochs(44)
    assert epochs(10) == whole  # epochs of 10, 10, 10, 10 and 4 batches
    assert epochs(10, first=3, skipped=20) == whole[23:]


def test_rows_of_earlier_epochs_are_not_read_again(rows, monkeypatch):
    spans, read = [], StoredRows.read
    monkeypatch.setattr(StoredRows, "read", lambda self, *span: spans.append(span) or read(self, *span))
    batches = StoredBatches((rows, None, None), 16, None, steps=4, window_bytes=12 * 64)
    batches.goes_on = True
    batches.skip(8)
    next(batches.epoch())
    assert min(spans) == (128, 192)


def test_a_training_with_few_steps_per_epoch_is_that_of_arrays_in_memory(rows, array, tmp_path):
    def trained(x, epochs=3, **options):
        model = compiled(array)
        settings = {"batch_size": 16, "steps_per_epoch": 20, "shuffle": False, "verbose": 0}
        model.fit(x, array[:, 0], epochs=epochs, **settings, **options)
        return np.concatenate([weights.ravel() for weights in model.get_weights()])

    expected = trained(array)
    assert np.array_equal(trained(rows), expected)
    trained(rows, 1, callbacks=[Checkpoints(tmp_path / "run", every="1 epoch")])
    assert np.array_equal(trained(rows, resume=tmp_path / "run"), expected)


@pytest.mark.parametrize("error", [KeyboardInterrupt, None])
@pytest.mark.parametrize("call", ["fit", "evaluate", "predict"])
def test_whoever_ends_an_epoch_early_ends_the_thread(rows, array, call, error, monkeypatch):
    monkeypatch.setattr(storage_batches, "WINDOW_BYTES", 12 * 64)
    monkeypatch.setattr(storage_batches, "ORDERED_BYTES", 12 * 64)
    model, seen = compiled(array), []

    def end(batch, logs):
        seen.append(len(reading_ahead()))
        if error:
            raise error
        model.stop_training = True

    hook = {"fit": "on_train_batch_end", "evaluate": "on_test_batch_end", "predict": "on_predict_batch_end"}[call]
    data = (rows,) if call == "predict" else (rows, array[:, 0])
    with pytest.raises(error) if error else contextlib.nullcontext() as caught:
        getattr(model, call)(*data, batch_size=16, verbose=0, callbacks=[LambdaCallback(**{hook: end})])
    assert seen[0] == 1 and not reading_ahead()  # also while `caught` holds the frames of the call
    assert (caught is not None) == (error is not None)


@pytest.mark.parametrize("first", [0, 2])
def test_an_iterable_that_starts_over_is_closed_with_its_epoch(array, first):
    closed = []

    class Source:
        def __iter__(self):
            try:
                for _ in range(9):
                    yield array, array
            finally:
                closed.append(1)

    batches = IterableBatches(Source(), lambda *own: own)
    assert len(closed) == 1  # that of the first look
    epoch = batches.epoch(0, first)
    next(epoch)
    epoch.close()
    assert len(closed) == 2
    assert len(list(batches.epoch())) == 9


def test_a_generator_goes_on_where_an_epoch_was_left(array):
    batches = IterableBatches(iter([(array, number) for number in range(9)]), lambda *own: own)
    epoch = batches.epoch(0, 2)
    assert next(epoch)[1] == 2
    epoch.close()
    assert [number for _, number, _ in batches.epoch()] == [3, 4, 5, 6, 7, 8]


def test_targets_may_be_several(rows, array):
    batches = batches_of((rows, (array[:, 0], array[:, 1:]), None), 64, 0)
    assert isinstance(batches, StoredBatches)
    for x, (first, others), _ in batches.epoch():
        assert np.array_equal(x[:, 0], first) and np.array_equal(x[:, 1:], others)


# Models


def compiled(x):
    model = Sequential([Normalization(), Dense(4, "relu"), Dense(1)], seed=0)
    model.compile("adam", "mse", ["mae"])
    model.adapt(x)
    return model


def test_a_model_does_the_same_with_rows_of_a_file(rows, array):
    y, histories = array.sum(axis=1), []
    for x in (array, rows):
        model = compiled(x)
        fitted = model.fit(x, y, batch_size=16, epochs=2, shuffle=False, validation_data=(x, y), verbose=0)
        histories.append([fitted.history, model.predict(x, verbose=0).tolist(), model.evaluate(x, y, verbose=0)])
        model.fit(x, y, sample_weight=np.ones(ROWS), verbose=0)
    assert histories[0] == histories[1]


def test_a_functional_model_adapts_to_rows_of_a_file_too(rows, array):
    first, normalization = Input((3,)), Normalization()
    model = Model(first, Dense(1)(normalization(first)))
    model.adapt(rows)
    assert np.allclose(normalization.moments[0], array.mean(axis=0), atol=1e-6)


def test_layers_adapt_to_a_sample_of_many_rows(rows, array, monkeypatch):
    monkeypatch.setattr(nnlite.layers.base.inputs, "ADAPTED_ROWS", 128)
    taken = rows.sample(128)
    assert len(taken) == 128 and np.array_equal(taken[:2], array[:2]) and np.array_equal(taken[-2:], array[-2:])
    assert np.allclose(compiled(rows).layers[0].moments[0], taken.mean(axis=0), atol=1e-6)


def test_validation_split_asks_for_another_file(rows, array):
    with pytest.raises(ConfigError, match="validation_split needs arrays in memory; pass validation_data"):
        compiled(rows).fit(rows, array[:, 0], validation_split=0.1, verbose=0)


# Chunks


@pytest.mark.parametrize("count", [1, 7, 64, 10_000])
def test_chunks_of_a_csv_file_are_the_table(tmp_path, count):
    path = write_table(tmp_path / "t.csv", 150)
    whole, found = Table.read(str(path)), list(text_chunks(str(path), rows=count))
    assert len(found) == math.ceil(150 / count)
    together = chunks.joined(found)
    assert together.columns == whole.columns and together.lines == whole.lines
    part = chunks.taken(together, np.array([5, 2]))
    assert part.columns["price"] == [whole.columns["price"][row] for row in (5, 2)] and len(part) == 2


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("a,b\n1,2\n3\n", r"line 3: 1 cell, but the first line names 2 columns"),
        ("a,b\n", "only column names, no rows"),
        ("", "the file is empty"),
    ],
)
def test_chunks_complain_as_the_table_does(tmp_path, content, message):
    path = tmp_path / "t.csv"
    path.write_text(content)
    for read in (lambda: Table.read(str(path)), lambda: list(text_chunks(str(path), rows=1))):
        with pytest.raises(DataError, match=message):
            read()


def test_blank_lines_are_skipped_and_counted(tmp_path):
    path = tmp_path / "t.csv"
    path.write_text("a,b\n1,2\n\n\n\n3,4\nx,5\n")
    together = chunks.joined(list(text_chunks(str(path), rows=1)))
    assert together.columns == {"a": ["1", "3", "x"], "b": ["2", "4", "5"]} and together.lines == [2, 6, 7]
    with pytest.raises(DataError, match="line 7, column 'a': text 'x'"):
        for chunk in text_chunks(str(path), rows=2):
            chunk.numbers("a")


def zipped(content, *names):
    """A zip archive of files that all have this content."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for name in names or ("__MACOSX/._t.csv", "data/", "data/t.csv"):
            archive.writestr(name, content if "." in name else b"")
    return out.getvalue()


COMPRESSIONS = {
    "none": lambda content: content,
    "gzip": gzip.compress,
    "bz2": bz2.compress,
    "xz": lzma.compress,
    "zip": zipped,
}


@pytest.mark.parametrize("compression", COMPRESSIONS)
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-be", "utf-32", "cp1252"])
def test_chunks_are_decompressed_and_decoded_as_the_whole_file(tmp_path, monkeypatch, encoding, compression):
    monkeypatch.setattr(text, "HEAD_BYTES", 2000)
    monkeypatch.setattr(text, "PIECE_BYTES", 333)
    lines = ["größe;näme"] + [
        f'{row},5;"zwei\n""Zeilen"" {row}"' if row % 7 == 0 else f"{row},5;é{row}" for row in range(300)
    ]
    path = tmp_path / "t.csv"
    path.write_bytes(COMPRESSIONS[compression]("\n".join(lines).encode(encoding)))
    whole, together = Table.read(str(path)), chunks.joined(list(text_chunks(str(path), rows=64)))
    assert together.columns == whole.columns and list(together.lines) == list(whole.lines) and len(whole) == 300
    assert together.dialect.dialect_values() == whole.dialect.dialect_values()
    assert together.dialect.compression == compression and together.numbers("größe")[299] == 299.5


REFUSED_ARCHIVES = {
    "two files": (
        zipped(b"a,b\n1,2\n", "a.csv", "b.csv"),
        r"a zip archive of 2 files \('a.csv', 'b.csv'\), not of one",
    ),
    "none": (zipped(b"", "folder/"), "a zip archive of 0 files"),
    "a damaged one": (zipped(b"a,b\n1,2\n")[:-9], "damaged zip file"),
    "another name": (zipped(b"a,b\n1,2\n", "t.csv").replace(b"t.csv", b"u.csv", 1), "damaged zip file"),
    "a newer format": (
        zipped(b"a,b\n1,2\n", "t.csv").replace(b"PK\1\2\x14\3\x14", b"PK\1\2\x14\3\xff"),
        "damaged zip file",
    ),
    "a workbook": (zipped(b"", "xl/workbook.xml", "a.xml"), "this is an Excel workbook"),
}


@pytest.mark.parametrize("kind", REFUSED_ARCHIVES)
def test_archives_that_are_not_one_table_are_refused(tmp_path, kind):
    content, message = REFUSED_ARCHIVES[kind]
    path = tmp_path / "t.zip"
    path.write_bytes(content)
    with pytest.raises(DataError, match=message):
        Table.read(str(path))
    with pytest.raises(DataError, match=r"workbook" if kind == "a workbook" else message):
        list(text_chunks(str(path), rows=2))


def test_an_archive_within_an_archive_is_no_workbook_alone(tmp_path):
    (tmp_path / "t.zip").write_bytes(zipped(zipped(b"a,b\n1,2\n"), "t.zip"))
    with pytest.raises(DataError, match="or an archive within another: unpack it"):
        Table.read(str(tmp_path / "t.zip"))


def test_an_archive_is_read_from_the_standard_input(monkeypatch):
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(zipped(b"a,b\n1,2\n3,4\n"))))
    assert chunks.joined(list(text_chunks("-", rows=1))).columns == {"a": ["1", "3"], "b": ["2", "4"]}


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_chunks_have_the_lines_of_the_file_and_name_them(tmp_path, monkeypatch, end):
    monkeypatch.setattr(text, "HEAD_BYTES", 500)
    monkeypatch.setattr(text, "PIECE_BYTES", 100)
    lines = [f"{row},{row}" for row in range(200)]
    path = tmp_path / "t.csv"
    path.write_bytes(end.join(["a,b", *lines]).encode())
    whole, together = Table.read(str(path)), chunks.joined(list(text_chunks(str(path), rows=7)))
    assert together.columns == whole.columns and list(together.lines) == list(whole.lines)
    for place, line, message in [(150, "1,2,3", "line 152: 3 cells"), (150, '1,"2', "line 152: the quotation mark")]:
        path.write_bytes(end.join(["a,b", *lines[:place], line, *lines[place:]]).encode())
        with pytest.raises(DataError, match=message):
            list(text_chunks(str(path), rows=7))
    path.write_bytes(end.join(["a,b", *lines[:150]]).encode() + end.encode() + b"1,\xe9")
    with pytest.raises(DataError, match=r"line 152: byte 0xe9 is not text in utf-8.*state `encoding`"):
        list(text_chunks(str(path), rows=7))


def test_rows_without_names_and_columns_that_end_empty(tmp_path, monkeypatch):
    monkeypatch.setattr(text, "HEAD_BYTES", 500)
    monkeypatch.setattr(text, "PIECE_BYTES", 100)
    path = tmp_path / "t.csv"
    for head, lines in (
        ([], [f"{row},{row}.5" for row in range(200)]),
        (["a,b,"], [f"{row},2," for row in range(200)]),
    ):
        path.write_text("\n".join([*head, *lines]))
        whole, together = Table.read(str(path)), chunks.joined(list(text_chunks(str(path))))
        assert together.columns == whole.columns and list(together.lines) == list(whole.lines)
    path.write_text("\n".join(["a,,b", *(f"{row},{'late' if row == 150 else ''},2" for row in range(200))]))
    with pytest.raises(DataError, match=r"line 152: a value in column 'x1', which has neither name nor values"):
        list(text_chunks(str(path)))


def test_chunks_of_a_parquet_file_have_its_types(tmp_path):
    pyarrow = pytest.importorskip("pyarrow")
    parquet = pytest.importorskip("pyarrow.parquet")
    path = tmp_path / "t.parquet"
    columns = {
        "size": [row + 0.5 for row in range(10)],
        "name": [None if row % 3 == 0 else f"c{row}" for row in range(10)],
        "code": [None if row == 4 else row for row in range(10)],
        "flag": [row % 2 == 0 for row in range(10)],
    }
    parquet.write_table(pyarrow.table(columns), path)
    together = chunks.joined(list(arrow_chunks(str(path), rows=4)))
    assert together.n_rows == 10 and [column.kind for column in together.columns][:2] == ["number", "category"]
    assert together.column("size", "number").values.tolist() == [i + 0.5 for i in range(10)]
    assert together.given("name").values.tolist() == [None if i % 3 == 0 else f"c{i}" for i in range(10)]
    assert np.flatnonzero(together.column("code", "number").missing).tolist() == [4]
    with pytest.raises(DataError, match="no Parquet or Arrow file"):
        list(arrow_chunks(str(write_table(tmp_path / "t.csv"))))


def test_chunks_of_a_parquet_file_are_without_the_index_of_pandas(tmp_path):
    pandas = pytest.importorskip("pandas")
    pytest.importorskip("pyarrow")
    path = tmp_path / "t.parquet"
    frame = pandas.DataFrame({"size": [1.5, 2.5, 3.5, 4.5]}, index=[3, 1, 2, 0])
    frame.to_parquet(path)
    assert [chunk.names for chunk in arrow_chunks(str(path), rows=3)] == [["size"], ["size"]]
    assert read_table_file(str(path)).names == ["size"]


@pytest.mark.parametrize("make", ["parquet", "feather"])
def test_rows_of_a_typed_file_are_those_of_the_table_in_memory(tmp_path, monkeypatch, make):
    pandas, path = pytest.importorskip("pandas"), tmp_path / f"t.{make}"
    pytest.importorskip("pyarrow")
    monkeypatch.setattr(chunks, "ARROW_ROWS", 64)
    frame = pandas.read_csv(write_table(tmp_path / "t.csv"))
    getattr(frame, f"to_{make}")(path)
    for target, kind in (("price", "regression"), ("bought", "binary")):
        other = {"price": "bought", "bought": "price"}[target]
        spec = {"path": str(path), "target": target, "categorical": ["colour"], "drop": ["note", other]}
        split = {"shuffle": False, "validation": 0.1, "test": 0.2}
        whole, streamed = (
            Data({"Parquet": {**spec, "stream": stream}}, split).prepare(kind, 0) for stream in (False, True)
        )
        assert streamed.preprocessing.to_spec() == whole.preprocessing.to_spec()
        for part, (x, y) in whole.parts.items():
            assert isinstance(streamed.parts[part][0], StoredRows)
            np.testing.assert_array_equal(streamed.parts[part][0][:], x)
            np.testing.assert_array_equal(streamed.parts[part][1], y)
            assert streamed.target(part)[:].tolist() == whole.target(part).tolist()
    pieces = list(Data({"Parquet": spec}).source.input_chunks(str(path), 300))
    assert [len(piece.columns[0].values) for piece in pieces] == [300, 300, 100]
    assert [(piece.path, piece.start) for piece in pieces] == [(str(path), start) for start in (0, 300, 600)]
    with pytest.raises(DataError, match=r"row 600, column 'colour': text 'red' in a numeric column"):
        pieces[2].column("colour", "number")


# Tables


def test_encoders_and_rows_are_those_of_the_table_in_memory(tmp_path, monkeypatch):
    monkeypatch.setattr(text, "CHUNK_CELLS", 5 * 64)
    path = write_table(tmp_path / "t.csv")
    data = regression(path).prepare("regression", 0)
    parts, preprocessing = data.parts, data.preprocessing
    table = Table.read(str(path))
    chosen = row_parts(Split(), 0, ROWS, None, 0)
    training = np.flatnonzero(chosen == 0)
    wanted = Columns([Numeric.fit("size", table, training), OneHot.fit("colour", table, training)])
    assert preprocessing.inputs.to_spec() == wanted.to_spec()
    price = table.quantities("price")
    assert np.allclose(preprocessing.target.mean, price[training].mean(), rtol=1e-12)
    for number, part in enumerate(("training", "validation", "test")):
        x, y = parts[part]
        assert isinstance(x, StoredRows) and x.finite
        assert np.array_equal(x[:], wanted.encode(table)[chosen == number])
        assert np.allclose(preprocessing.target.decode(y)["price"], price[chosen == number], atol=1e-5)
        assert np.array_equal(data.target(part), price[chosen == number, None])


def test_parts_have_their_shares_whatever_the_chunks(tmp_path):
    split = Split(validation=0.2, test=0.1)
    whole = row_parts(split, 0, 20_000, None, 5)
    pieces = [row_parts(split, start, 100, None, 5) for start in range(0, 20_000, 100)]
    assert np.array_equal(whole, np.concatenate(pieces))
    shares = np.bincount(whole) / 20_000
    assert np.allclose(shares, [0.7, 0.2, 0.1], atol=0.01)
    assert np.mean(whole == row_parts(split, 0, 20_000, None, 6)) < 0.65
    assert abs(np.corrcoef(whole[:-1], whole[1:])[0, 1]) < 0.03
    ordered = Split(validation=0.2, test=0.1, shuffle=False)
    assert row_parts(ordered, 0, 100, 100, 5).tolist() == [0] * 70 + [1] * 20 + [2] * 10


def test_the_order_of_the_file_is_kept_where_it_is_asked_for(tmp_path):
    path = write_table(tmp_path / "t.csv", 100)
    split = Split(validation=0.1, test=0.2, shuffle=False)
    in_order = Data(source(path, target="price", drop=["note", "bought"]), split, standardize_target=False)
    parts = in_order.prepare("regression", 0).parts
    prices = Table.read(str(path)).quantities("price").astype(np.float32)
    for part, wanted in (("training", prices[:70]), ("validation", prices[70:80]), ("test", prices[80:])):
        assert np.array_equal(parts[part][1][:, 0], wanted)


def test_a_sample_stands_in_for_many_rows_but_levels_and_labels_are_complete(tmp_path, monkeypatch):
    monkeypatch.setattr(scanning, "SAMPLE_CELLS", 5 * 120)
    monkeypatch.setattr(scanning, "LEAST_SAMPLE", 10)
    monkeypatch.setattr(text, "CHUNK_CELLS", 5 * 16)
    split, sizes = Split(0.1, 0.0), []
    of_training = np.flatnonzero(row_parts(split, 0, 3000, None, 3) == 0)
    path = write_table(tmp_path / "t.csv", 3000, rare_row=of_training[-3])
    monkeypatch.setattr(Numeric, "fit", watched(Numeric.fit, lambda name, table, rows: sizes.append(len(rows))))
    data = Data(source(path, target="bought", drop=["note", "price"]), split).prepare("binary", 3)
    (numeric, colours) = data.preprocessing.inputs.columns
    assert sizes[-1] == 120
    assert colours.categories == ["", "green", "red", "violet"] and data.preprocessing.target.labels == ["no", "yes"]
    assert abs(numeric.mean) < 0.4 and 0.7 < numeric.scale < 1.1


def watched(function, look):
    def call(*arguments):
        look(*arguments)
        return function(*arguments)

    return call


@pytest.mark.parametrize(("late", "labels"), [("b", ["1", "2", "b"]), ("007", [1, 2, 7])])
def test_labels_are_of_one_kind_in_the_whole_file(tmp_path, monkeypatch, late, labels):
    monkeypatch.setattr(text, "CHUNK_CELLS", 16 * 2)
    rows = [f"{row},{'1' if row < 40 else '2' if row % 2 else late}" for row in range(100)]
    (tmp_path / "t.csv").write_text("x,y\n" + "\n".join(rows))
    for stream in (True, False):
        source = {"Csv": {"path": str(tmp_path / "t.csv"), "target": "y", "stream": stream}}
        data = Data(source, {"validation": 0.2}).prepare("sparse", 0)
        assert data.preprocessing.target.labels == labels
        assert set(np.concatenate([y for _, y in data.parts.values()]).tolist()) == {0, 1, 2}
        assert set(np.concatenate([data.target(part) for part in data.parts]).tolist()) == set(labels)


def test_a_bad_cell_is_named_by_file_line_and_column(tmp_path, monkeypatch):
    monkeypatch.setattr(text, "CHUNK_CELLS", 5 * 16)
    path = write_table(tmp_path / "t.csv", 100)
    lines = path.read_text().split("\n")
    lines[90] = f"tall{lines[90][lines[90].index(',') :]}"
    path.write_text("\n".join(lines))
    with pytest.raises(DataError, match=r"t\.csv, line 91, column 'size': text 'tall' in a numeric column"):
        regression(path).prepare("regression", 0)


@pytest.mark.parametrize(
    ("section", "keys"),
    [
        *[({"split": {key: "colour"}}, ("split", key)) for key in ("group", "time", "by", "hash")],
        ({"split": {"files": {"test": "other.csv"}}}, ("split", "files")),
        ({"split": {"stratify": True}}, ("split", "stratify")),
        ({"weights": "size"}, ("weights",)),
        ({"target_separator": "|"}, ("target_separator",)),
    ],
)
def test_what_needs_the_table_in_memory_is_one_error_with_its_key(tmp_path, section, keys):
    data = Data.get({"source": source(write_table(tmp_path / "t.csv"), target="bought"), **section})
    with pytest.raises(ConfigError, match="stream: false") as error:
        data.prepare("binary", 0)
    assert error.value.path == keys


def test_choices_that_need_the_table_in_memory_are_errors_too(tmp_path):
    path = str(write_table(tmp_path / "t.csv"))
    for choice, key in (("target", "encoding"), ({"missing": "drop"}, "missing")):
        data = Data({"Csv": {"path": path, "target": "bought", "stream": True, "columns": {"colour": choice}}})
        with pytest.raises(ConfigError, match="stream: false") as error:
            data.prepare("binary", 0)
        assert error.value.path == ("source", "Csv", "columns", "colour", key)
    with pytest.raises(ConfigError, match="not cross-validated"):
        data.prepare("binary", 0, fold=(0, 3))


def test_kinds_are_found_and_so_is_what_the_target_asks_for(tmp_path):
    path = str(write_table(tmp_path / "t.csv"))
    for target, kind in (("bought", "binary"), ("price", "regression")):
        prepared = [
            Data({"Csv": {"path": path, "target": target, "stream": stream}}).prepare("auto", 0)
            for stream in (True, False)
        ]
        assert [data.kind for data in prepared] == [kind, kind]
        streamed, whole = ([type(own) for own in data.preprocessing.inputs.columns] for data in prepared)
        assert streamed == whole
        assert prepared[0].data.source.delimiter == "," and prepared[0].target("test").ndim == 1 + (target == "price")


def test_a_part_without_rows_is_an_error(tmp_path):
    with pytest.raises(DataError, match="none of 5 rows is in the validation part"):
        regression(write_table(tmp_path / "t.csv", 5), Split(0.01, 0.2)).prepare("regression", 0)


def test_a_failed_pass_leaves_no_open_file_and_nothing_in_the_cache(tmp_path, monkeypatch):
    path, cache, opened = write_table(tmp_path / "t.csv"), tmp_path / "cache", []
    monkeypatch.setattr(text, "CHUNK_CELLS", 5 * 64)
    add = stored_tables._Appended.add

    def fails_later(self, array):
        if len(opened) > 20:
            raise OSError("the disk is full")
        add(self, array)
        opened.append(self.file)

    monkeypatch.setattr(stored_tables._Appended, "add", fails_later)
    with pytest.raises(OSError, match="the disk is full"):
        regression(path, cache=str(cache)).prepare("regression", 0)
    files = [file for file in opened if file is not None]
    assert files and all(file.closed for file in files) and list(cache.iterdir()) == []


def test_two_processes_may_fill_one_cache(tmp_path, monkeypatch):
    path, cache = write_table(tmp_path / "t.csv"), tmp_path / "cache"
    write = stored_tables.StoredTable._write

    def another_was_faster(self, folder, *rest):
        preprocessing = write(self, folder, *rest)
        shutil.copytree(folder, self._kept_folder(cache))
        return preprocessing

    monkeypatch.setattr(stored_tables.StoredTable, "_write", another_was_faster)
    data = regression(path, cache=str(cache)).prepare("regression", 0)
    (kept,) = cache.iterdir()
    assert data.parts["training"][0].path.parent == kept


def test_a_cache_is_used_as_long_as_file_and_choices_are_the_same(tmp_path):
    path, cache = write_table(tmp_path / "t.csv"), tmp_path / "cache"
    data = regression(path, cache=str(cache))
    first = data.prepare("regression", 0)
    (kept,) = cache.iterdir()
    time = (kept / "training_inputs.npy").stat().st_mtime_ns
    again = data.prepare("regression", 0, first.preprocessing)
    assert again.preprocessing.to_spec() == first.preprocessing.to_spec()
    assert (kept / "training_inputs.npy").stat().st_mtime_ns == time and list(cache.iterdir()) == [kept]
    assert np.array_equal(again.parts["test"][0][:], first.parts["test"][0][:])
    data.prepare("regression", 1)
    assert len(list(cache.iterdir())) == 2
    write_table(path, 300)
    assert len(data.prepare("regression", 0).parts["training"][0]) < 300


def test_temporary_files_go_with_the_data(tmp_path):
    data = regression(write_table(tmp_path / "t.csv")).prepare("regression", 0)
    folder = data.parts["training"][0].path.parent
    assert folder.is_dir()
    del data
    assert not folder.exists()


def test_auto_streams_large_files(tmp_path, monkeypatch):
    path = write_table(tmp_path / "t.csv")
    auto = regression(path, stream="auto")
    assert not auto.source.streams and isinstance(auto.prepare("regression", 0).parts["training"][0], np.ndarray)
    monkeypatch.setattr(nnlite.data.sources.streamed, "STREAMED_BYTES", 1000)
    assert auto.source.streams and isinstance(auto.prepare("regression", 0).parts["training"][0], StoredRows)


def test_an_experiment_streams_trains_and_is_measured_again(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    path = write_table(tmp_path / "t.csv", labels=("0", "1"))
    config = {
        "data": {"source": source(path, target="bought", drop=["note", "price"])},
        "model": [{"Dense": {"units": 8, "activation": "relu"}}, {"Dense": {"units": 1, "activation": "sigmoid"}}],
        "compile": {"optimizer": {"Adam": {"learning_rate": 0.05}}, "loss": "BinaryCrossentropy", "metrics": ["acc"]},
        "fit": {"epochs": 8, "class_weight": {"0": 1.0, "1": 1.5}},
        "seed": 0,
    }  # fmt: skip
    run = train(Experiment.get(config), "run", quiet=True)
    assert run.metrics["test"]["acc"] > 0.85
    assert Run("run").evaluate()["test"]["acc"] == run.metrics["test"]["acc"]
    assert set(Run("run").predict(str(path))["bought"]) == {0, 1}


@pytest.mark.parametrize(
    ("target", "units", "activation"), [("price", 1, None), ("bought", 1, "sigmoid"), ("colour", 3, "softmax")]
)
def test_figures_of_a_file_are_those_of_memory_and_few_rows_are_there_at_once(
    tmp_path, monkeypatch, target, units, activation
):
    """Outputs and targets stay in files too: `judge` never has more than a block of them."""
    path = write_table(tmp_path / "t.csv", 3000)
    categorical = sorted({"bought", "colour"} - {target})
    path.write_text(path.read_text().replace(",,", ",blue,"))
    spec = {"path": str(tmp_path / "t.csv"), "target": target, "categorical": categorical, "drop": ["note"]}
    data = Data({"Csv": {**spec, "stream": True}}, {"validation": 0.3, "test": 0.4})
    prepared = data.prepare("regression" if units == 1 and activation is None else "auto", seed=0)
    model = Sequential([Dense(units, activation)], seed=0)
    losses = {None: "mse", "sigmoid": "binary_crossentropy", "softmax": "sparse_categorical_crossentropy"}
    model.compile("adam", losses[activation], ["accuracy"] if activation else ["R2Score"])
    model.fit(*prepared.parts["training"], epochs=2, verbose=0)
    parts = {part: (x[:], np.array(y)) for part, (x, y) in prepared.parts.items()}
    raw = {part: replace(given, target=given.target[:]) for part, given in prepared.datasets.items()}
    numbers = {part: np.arange(len(y)) for part, (_, y) in parts.items()}
    whole = replace(prepared, parts=parts, datasets=raw, rows=numbers)
    expected, intervals = judge(model, whole), validation_intervals(model, whole)

    monkeypatch.setattr(block_rows, "BLOCK_ROWS", 256)
    monkeypatch.setattr(quantities, "ROWS_AT_ONCE", 256)
    most = []
    for kind in (StoredRows, stored_tables.StoredTarget):
        take = kind.__getitem__
        monkeypatch.setattr(kind, "__getitem__", lambda self, rows, take=take: noted(most, take(self, rows)))
    judged, again = judge(model, prepared), validation_intervals(model, prepared)
    assert 0 < max(most) <= 256 + len(prepared.learnt_target())  # of which the baseline is made
    assert sum(count > 256 for count in most) <= 2 * len(parts)
    assert judged.warnings == expected.warnings
    assert (again is None) == (activation is not None)
    if again is not None:
        np.testing.assert_allclose(again.residuals, intervals.residuals, rtol=1e-6, atol=1e-6)  # of float32
    x = prepared.parts["test"][0]
    np.testing.assert_array_equal(predictions(model, x)[:], model.predict(x, verbose=0))
    for figures, others in ((judged.metrics, expected.metrics), (judged.baseline, expected.baseline)):
        for part in figures:
            assert figures[part] == pytest.approx(others[part], rel=1e-6)


def noted(counts, taken):
    counts.append(len(taken))
    return taken


def test_every_nth_row_is_read_in_pieces(rows, array, monkeypatch):
    monkeypatch.setattr(stored, "BYTES_AT_ONCE", 200)
    for start, stop, step in ((0, ROWS, 7), (3, 650, 100), (5, 5, 2), (600, 20, -9), (1, 3, 5)):
        np.testing.assert_array_equal(rows[start:stop:step], array[start:stop:step])


def test_the_command_says_what_takes_long(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    path = write_table(tmp_path / "t.csv")
    Path("c.yaml").write_text(
        f"seed: 0\ndata: {{source: {{Csv: {{path: {path.name}, target: price, drop: [note, bought], "
        "categorical: [colour], stream: true}}}\nmodel: [{Dense: {units: 1}}]\ncompile: {loss: mse}\n"
    )
    assert main(["train", "c.yaml", "--out", "first"]) == 0
    lines = capsys.readouterr().err.splitlines()
    assert "read in chunks to fit the encoders" in lines[0] and "encoded rows are written to" in lines[1]
    assert main(["train", "c.yaml", "--quiet"]) == 0 and not capsys.readouterr().err


def test_memory_stays_bounded():
    """Streaming a file adds less memory to the process than the file is large, and reading it adds more."""
    found = benchmark.measure(int(3e7))
    results = found["results"]
    assert sum(results["rows"].values()) == found["rows"] and found["bytes"] >= 3e7
    assert results["metrics"]["test"]["r2"] > 0.8
    assert results["peak"] - results["imports"] < 300e6
    assert "rows a second" in benchmark.markdown(found)
    assert json.loads(json.dumps(found)) == found
