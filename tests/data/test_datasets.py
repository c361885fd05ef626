"""Windows of a series and texts of a directory, as batches."""

import numpy as np
import pytest

from nnlite.data import LazyBatches, text_dataset_from_directory, timeseries_dataset_from_array
from nnlite.errors import ConfigError, DataError
from nnlite.layers import Dense, Flatten, TextVectorization
from nnlite.models import Sequential

# ---------------------------------------------------------------- series


def batches_of(*arguments, **options):
    return list(timeseries_dataset_from_array(*arguments, **options))


def test_windows_with_stride_and_rate():
    (x,) = batches_of(np.arange(99), None, sequence_length=10, sampling_rate=2, sequence_stride=3)
    assert x[0].tolist() == list(range(0, 20, 2))
    assert x[1].tolist() == list(range(3, 22, 2))
    assert x[-1].tolist() == list(range(78, 97, 2))
    assert len(x) == 27


def test_targets_belong_to_the_beginning_of_a_window():
    series = np.random.default_rng(0).normal(size=(40, 3))
    batches = batches_of(series[:-10], series[10:], sequence_length=10, batch_size=8)
    assert [len(x) for x, _ in batches] == [8, 8, 5]
    for number, (x, y) in enumerate(batches):
        assert x.shape[1:] == (10, 3)
        for row in range(len(x)):
            start = 8 * number + row
            np.testing.assert_array_equal(x[row], series[start : start + 10])
            np.testing.assert_array_equal(y[row], series[start + 10])


def test_fewer_targets_than_windows():
    ((x, y),) = batches_of(np.arange(20), np.arange(5), sequence_length=3)
    assert len(x) == 5
    assert y.tolist() == [0, 1, 2, 3, 4]


def test_only_a_part_of_the_series():
    ((x, y),) = batches_of(np.arange(20), np.arange(20) * 10, sequence_length=3, start_index=5, end_index=10)
    assert x.tolist() == [[5, 6, 7], [6, 7, 8], [7, 8, 9]]
    assert y.tolist() == [50, 60, 70]
    assert len(batches_of(np.arange(20), None, sequence_length=3, end_index=20)[0]) == 18


def test_single_windows():
    found = batches_of([1.0, 2.0, 3.0], [4.0, 5.0], sequence_length=2, batch_size=None)
    assert [(x.tolist(), y.tolist()) for x, y in found] == [([1, 2], 4), ([2, 3], 5)]
    assert [x.tolist() for x in batches_of([1, 2], None, sequence_length=1, batch_size=None)] == [[1], [2]]


def test_another_order_for_each_walk_the_same_for_each_seed():
    def orders(seed):
        dataset = timeseries_dataset_from_array(np.arange(50), np.arange(50), 1, shuffle=True, seed=seed, batch_size=7)
        return [np.concatenate([y for _, y in dataset]).tolist() for _ in range(2)]

    first, second = orders(3)
    assert first != second
    assert sorted(first) == sorted(second) == list(range(50))
    assert orders(3) == [first, second]
    assert orders(4)[0] != first


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"sequence_length": 8}, DataError, r"spans 8 steps .* the data has 7"),
        ({"sequence_length": 3, "sampling_rate": 4}, DataError, "spans 9 steps"),
        ({"sequence_length": 2, "start_index": 6}, DataError, "the data has 1 of them"),
        ({"sequence_length": 0}, ConfigError, "timeseries_dataset_from_array.sequence_length"),
        ({"sequence_length": 2, "sequence_stride": 0}, ConfigError, "sequence_stride"),
        ({"sequence_length": 2, "batch_size": 0}, ConfigError, "batch_size"),
        ({"sequence_length": 2, "start_index": -1}, ConfigError, "start_index"),
    ],
    ids=str,
)
def test_refusals_of_series(options, error, message):
    with pytest.raises(error, match=message):
        timeseries_dataset_from_array(np.arange(7), None, **options)


@pytest.mark.parametrize("name", ["start_index", "end_index", "sequence_stride", "sampling_rate"])
def test_steps_beyond_the_series(name):
    with pytest.raises(DataError, match=f"{name}=21 leads beyond the data, which has 20 steps"):
        timeseries_dataset_from_array(np.arange(20), None, 1, **{name: 21})
    last = 20 if name == "end_index" else 19
    assert len(list(timeseries_dataset_from_array(np.arange(20), None, 1, **{name: last}))) == 1


def test_a_missing_directory_is_also_an_error_of_python(tmp_path):
    with pytest.raises(FileNotFoundError, match="no directory"):
        text_dataset_from_directory(tmp_path / "nothing")


def test_a_model_learns_from_windows():
    series = np.sin(np.arange(300) / 5).astype(np.float32)[:, None]
    train = timeseries_dataset_from_array(series[:200], series[5:], 5, shuffle=True, seed=0, batch_size=32)
    test = timeseries_dataset_from_array(series[200:-5], series[205:], 5)
    model = Sequential([Flatten(), Dense(1)], seed=0)
    model.compile({"Adam": {"learning_rate": 0.01}}, "mse")
    model.fit(train, epochs=60, verbose=0, validation_data=test)
    assert model.evaluate(test, verbose=0) < 0.01
    x_alone = timeseries_dataset_from_array(series[200:-5], None, 5)
    assert len(x_alone) == 1
    assert model.predict(x_alone, verbose=0).shape == (91, 1)


# ---------------------------------------------------------------- texts


@pytest.fixture
def folder(tmp_path):
    for name, texts in {"good": ["fine", "nice day"], "bad": ["awful", "poor", "übel"]}.items():
        (tmp_path / name / "deeper").mkdir(parents=True)
        for number, text in enumerate(texts):
            place = tmp_path / name / ("deeper" if number == 1 else "")
            (place / f"{number}.txt").write_text(text, encoding="utf-8")
    (tmp_path / "bad" / "notes.md").write_text("no text file")
    (tmp_path / ".hidden").mkdir()
    return tmp_path


def read(folder, **options):
    dataset = text_dataset_from_directory(folder, **{"shuffle": False, "verbose": False, **options})
    return dataset, list(dataset)


def test_classes_are_subdirectories(folder, capsys):
    dataset, [(texts, labels)] = read(folder, verbose=True)
    assert capsys.readouterr().out == "Found 5 files belonging to 2 classes.\n"
    assert dataset.class_names == ["bad", "good"]
    assert texts.tolist() == ["awful", "übel", "poor", "fine", "nice day"]
    assert labels.tolist() == [0, 0, 0, 1, 1]
    assert labels.dtype == np.int32
    _, [(texts, labels)] = read(folder, class_names=["good", "bad"], max_length=3)
    assert texts.tolist() == ["fin", "nic", "awf", "übe", "poo"]
    assert labels.tolist() == [0, 0, 1, 1, 1]


def test_how_labels_are_written(folder):
    _, [(_, labels)] = read(folder, label_mode="categorical")
    assert labels.dtype == np.float32
    assert labels.tolist() == [[1, 0]] * 3 + [[0, 1]] * 2
    _, [(_, labels)] = read(folder, label_mode="binary")
    assert labels.dtype == np.float32
    assert labels.tolist() == [[0], [0], [0], [1], [1]]
    for options in ({"label_mode": None}, {"labels": None}):
        dataset, [texts] = read(folder, **options)
        assert texts.shape == (5,)
        assert dataset.class_names is None or options == {"label_mode": None}
    _, [(_, labels)] = read(folder, labels=[4, 3, 2, 1, 0])
    assert labels.tolist() == [4, 3, 2, 1, 0]


def test_batches_and_single_texts(folder):
    dataset, batches = read(folder, batch_size=2)
    assert [len(texts) for texts, _ in batches] == [2, 2, 1]
    assert len(dataset) == 3
    _, single = read(folder, batch_size=None)
    assert single[3] == ("fine", 1)


def test_parts_do_not_overlap(folder):
    options = {"shuffle": True, "seed": 2, "validation_split": 0.4, "verbose": False}
    training, validation = text_dataset_from_directory(folder, subset="both", **options)

    def texts(dataset):
        return sorted(text for batch, _ in dataset for text in batch)

    assert (len(texts(training)), len(texts(validation))) == (3, 2)
    assert len({*texts(training), *texts(validation)}) == 5
    assert texts(text_dataset_from_directory(folder, subset="validation", **options)) == texts(validation)
    assert texts(text_dataset_from_directory(folder, subset="training", **options)) == texts(training)
    walks = {tuple(text for batch, _ in training for text in batch) for _ in range(20)}
    assert len(walks) > 1


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"class_names": ["good", "ugly"]}, DataError, "no subdirectory 'ugly', only bad, good"),
        ({"labels": [0, 1]}, DataError, "holds 5 files, got 2 labels"),
        ({"labels": [0.5] * 5}, DataError, "one integer"),
        ({"labels": "guessed"}, ConfigError, "'guessed'"),
        ({"labels": None, "class_names": ["bad"]}, ConfigError, "class_names"),
        ({"labels": [0, 1, 2, 0, 1], "label_mode": "binary"}, DataError, "2 classes.* has 3"),
        ({"label_mode": "one_hot"}, ConfigError, "label_mode"),
        ({"validation_split": 0.2}, ConfigError, "belong together"),
        ({"subset": "both"}, ConfigError, "belong together"),
        ({"validation_split": 0.2, "subset": "both", "shuffle": True}, ConfigError, "needs a seed"),
        ({"validation_split": 0.1, "subset": "validation"}, DataError, "leaves none for validation"),
    ],
    ids=str,
)
def test_refusals_of_directories(folder, options, error, message):
    with pytest.raises(error, match=message):
        read(folder, **options)


def test_directories_without_texts(folder):
    with pytest.raises(DataError, match="no directory"):
        read(folder / "missing")
    (folder / "empty").mkdir()
    with pytest.raises(DataError, match=r"no folders in .*; put the files of each class into a folder of its name"):
        read(folder / "empty")
    with pytest.raises(DataError, match=r"no files in .* end in .txt"):
        read(folder / "empty", labels=None)
    (folder / "bad" / "0.txt").write_bytes(b"\xff\xfe")
    with pytest.raises(DataError, match=r"0.txt: no text in UTF-8"):
        read(folder)


def test_a_model_learns_from_texts(folder):
    dataset = text_dataset_from_directory(folder, seed=0, batch_size=2, verbose=False)
    _, [(texts, labels)] = read(folder)
    model = Sequential([TextVectorization(output_mode="multi_hot"), Dense(2, activation="softmax")], seed=0)
    model.compile({"Adam": {"learning_rate": 0.1}}, "sparse_categorical_crossentropy", ["accuracy"])
    model.adapt(texts)
    model.fit(dataset, epochs=15, verbose=0)
    assert model.evaluate(texts, labels, verbose=0)[1] == 1.0


def test_lazy_batches_ask_for_rows_in_order():
    asked = []
    batches = LazyBatches(lambda rows: asked.append(rows.tolist()) or rows, 5, 2)
    assert [batch.tolist() for batch in batches] == asked == [[0, 1], [2, 3], [4]]
    assert [batch.tolist() for batch in batches] == [[0, 1], [2, 3], [4]]
