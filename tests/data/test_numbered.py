"""Batches by number: what has `__len__` and `__getitem__` is trained on, tested on and predicted."""

from itertools import islice

import numpy as np
import pytest

from nnlite import Input, Sequential
from nnlite.data.batches import check_finite, check_fits
from nnlite.errors import ConfigError, DataError, TrainingWarning
from nnlite.layers import Dense
from nnlite.schedules import CosLog4
from nnlite.utils import PyDataset

X = np.random.default_rng(0).normal(size=(64, 3))
Y = X.sum(axis=1)
W = np.linspace(0.5, 2.0, 64)


class Batches:
    """Four batches of sixteen rows, as users write them."""

    def __len__(self):
        return 4

    def __getitem__(self, number):
        if number >= 4:
            raise IndexError(number)
        rows = slice(16 * number, 16 * number + 16)
        return X[rows], Y[rows]


class Dataset(Batches, PyDataset):
    """The same by Keras's class, with notes of what was asked for."""

    def __init__(self, **options):
        super().__init__(**options)
        self.asked, self.begun, self.ended = [], 0, 0

    def __getitem__(self, number):
        self.asked.append(number)
        return super().__getitem__(number)

    def on_epoch_begin(self):
        self.begun += 1

    def on_epoch_end(self):
        self.ended += 1


def model(optimizer="sgd"):
    network = Sequential([Input((3,)), Dense(1)], seed=0)
    network.compile(optimizer, "mse", ["mae"])
    return network


def test_the_same_as_a_list_of_batches():
    wanted, given = model(), model()
    history = wanted.fit(list(Batches()), epochs=3, verbose=0).history
    assert given.fit(Batches(), epochs=3, verbose=0).history == history
    assert given.evaluate(Batches(), verbose=0) == wanted.evaluate(list(Batches()), verbose=0)
    np.testing.assert_array_equal(given.predict(Batches(), verbose=0), wanted.predict(X, verbose=0))
    valid = model().fit(X, Y, batch_size=64, validation_data=Batches(), verbose=0).history
    assert valid == model().fit(X, Y, batch_size=64, validation_data=list(Batches()), verbose=0).history


def test_weights_and_classes_of_batches():
    class Weighted(Batches):
        def __getitem__(self, number):
            return (*super().__getitem__(number), W[16 * number : 16 * number + 16])

    history = model().fit(Weighted(), verbose=0).history
    assert history == model().fit(list(Weighted()), verbose=0).history
    assert history != model().fit(Batches(), verbose=0).history


def test_a_dataset_is_shuffled_by_batches_and_told_of_epochs():
    data, network = Dataset(workers=4, use_multiprocessing=True, max_queue_size=3), model()
    assert (data.workers, data.use_multiprocessing, data.max_queue_size) == (4, True, 3)
    network.fit(data, epochs=3, verbose=0)
    epochs = [data.asked[start : start + 4] for start in (1, 5, 9)]  # after the look at the first batch
    assert [sorted(epoch) for epoch in epochs] == [[0, 1, 2, 3]] * 3
    assert len(set(map(tuple, epochs))) > 1
    assert (data.begun, data.ended) == (3, 3)
    again = Dataset()
    model().fit(again, epochs=3, verbose=0)
    assert again.asked == data.asked  # by the model's seed


def test_a_dataset_in_its_own_order():
    data = Dataset()
    history = model().fit(data, epochs=2, shuffle=False, verbose=0).history
    assert data.asked == [0, 0, 1, 2, 3, 0, 1, 2, 3]
    assert history == model().fit(list(Batches()), epochs=2, verbose=0).history
    data.asked.clear()
    np.testing.assert_array_equal(model().predict(data, verbose=0), model().predict(X, verbose=0))
    assert data.asked == [0, 0, 1, 2, 3]


def test_steps_per_epoch_and_data_without_end():
    class Endless(PyDataset):
        num_batches = None

        def __getitem__(self, number):
            return Batches()[number % 4]

    assert len(model().fit(Endless(), epochs=2, steps_per_epoch=4, verbose=0).history["loss"]) == 2
    data = Dataset()
    model().fit(data, epochs=2, steps_per_epoch=2, verbose=0)
    assert (len(data.asked), data.ended) == (5, 2)
    with pytest.warns(TrainingWarning, match="5 batches expected, got 4"):
        model().fit(Batches(), steps_per_epoch=5, verbose=0)


def test_a_loop_over_a_dataset_ends_with_its_last_batch():
    class Endless(PyDataset):
        num_batches = property(lambda self: None)

        def __getitem__(self, number):
            return number

    class Counted(Endless):
        num_batches = property(lambda self: 3)

    # `islice`, so that a loop without end fails rather than hangs; Keras's own example raises no IndexError either.
    assert list(islice(Counted(), 5)) == [0, 1, 2]
    assert list(islice(Endless(), 5)) == [0, 1, 2, 3, 4]


def test_the_length_is_known_to_schedules():
    for data in (Batches(), list(Batches())):
        network = model({"Adam": {"learning_rate": CosLog4(0.01)}})
        network.fit(data, epochs=2, verbose=0)
        assert network.optimizer.iterations == 8


def test_what_goes_with_arrays_alone():
    with pytest.raises(ConfigError, match="validation_split needs arrays"):
        model().fit(Batches(), validation_split=0.5, verbose=0)
    with pytest.raises(ConfigError, match="sample_weight needs arrays"):
        model().fit(Batches(), sample_weight=W, verbose=0)


def test_a_dataset_that_lacks_a_method():
    class Bare(PyDataset):
        pass

    with pytest.raises(NotImplementedError, match="Bare must define __len__"):
        model().fit(Bare(), verbose=0)


def test_loaders_of_torch():
    data = pytest.importorskip("torch.utils.data")
    import torch

    pairs = data.TensorDataset(torch.tensor(X), torch.tensor(Y))
    loader = data.DataLoader(pairs, batch_size=16)
    wanted = model().fit(list(Batches()), epochs=2, verbose=0).history
    assert model().fit(loader, epochs=2, verbose=0).history == wanted
    np.testing.assert_array_equal(model().predict(loader, verbose=0), model().predict(X, verbose=0))
    with pytest.raises(DataError, match="DataLoader"):
        model().fit(pairs, verbose=0)


def test_numbers_that_are_refused_are_named_by_their_place():
    for shape, place in (((3,), "row 2;"), ((3, 2), "row 2, column 1;"), ((3, 2, 2), r"row 2, at \[1, 1\];")):
        x = np.zeros(shape)
        x[(-1,) * len(shape)] = np.nan
        with pytest.raises(DataError, match=f"x holds nan in {place}"):
            check_finite(x)
        x[(-1,) * len(shape)] = 1e300
        with np.errstate(over="ignore"), pytest.raises(DataError, match=f"in {place[:-1]}, which is too large for"):
            check_fits(x, x.astype(np.float32))


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
def test_numbers_whose_squares_are_too_large_are_finite(dtype):
    x = np.full((3, 2), np.finfo(dtype).max, dtype)
    check_finite(x)
    x[2, 1] = np.nan
    with pytest.raises(DataError, match="x holds nan in row 2, column 1"):
        check_finite(x)
