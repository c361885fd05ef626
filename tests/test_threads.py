"""The number of threads of the matrix library: set by hand, or one for small models."""

import sys
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

import nnlite
from nnlite import Input, Sequential
from nnlite.callbacks import Callback
from nnlite.errors import ConfigError
from nnlite.layers import Dense
from nnlite.threads import SMALL_PRODUCT, set_threads, several_threads, suited_threads
from nnlite.training.resources import largest_product

threadpoolctl = pytest.importorskip("threadpoolctl")

# The libraries that are loaded when this is imported, NumPy's among them; others may come later.
LIBRARIES = threadpoolctl.ThreadpoolController().select(user_api="blas").lib_controllers


def threads():
    return {library.get_num_threads() for library in LIBRARIES}


@pytest.fixture(autouse=True)
def two_threads():
    before = [library.get_num_threads() for library in LIBRARIES]
    for library in LIBRARIES:
        library.set_num_threads(2)
    yield
    set_threads(None)
    for library, count in zip(LIBRARIES, before, strict=True):
        library.set_num_threads(count)


def test_set_and_take_back():
    nnlite.set_threads(1)
    assert threads() == {1}
    set_threads(3)
    assert threads() == {3}
    set_threads(None)
    assert threads() == {2}


def test_small_products_get_one_thread_while_inside():
    with suited_threads(SMALL_PRODUCT - 1):
        assert threads() == {1}
    assert threads() == {2}
    with suited_threads(SMALL_PRODUCT):
        assert threads() == {2}


def test_the_first_of_two_to_leave_changes_nothing():
    with suited_threads(10):
        with suited_threads(10):
            pass
        assert threads() == {1}
    assert threads() == {2}


def test_a_choice_while_inside_stands_and_can_be_taken_back():
    with suited_threads(10):
        set_threads(3)
    assert threads() == {3}
    set_threads(None)
    assert threads() == {2}


def test_a_choice_by_hand_stands():
    set_threads(3)
    with suited_threads(10):
        assert threads() == {3}


def test_the_limit_is_taken_back_after_an_error_and_after_many_threads():
    with pytest.raises(ZeroDivisionError), suited_threads(10):
        raise ZeroDivisionError

    def enter(_):
        for _ in range(20):
            with suited_threads(10):
                pass

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(enter, range(4)))
    assert threads() == {2}


@pytest.mark.parametrize(("units", "expected"), [(8, {1}), (SMALL_PRODUCT // 4, {2})])
def test_fit_and_predict_choose_by_the_largest_product(units, expected):
    seen = []

    class Watch(Callback):
        def on_train_batch_end(self, batch, logs=None):
            seen.append(threads())

        def on_predict_batch_end(self, batch, logs=None):
            seen.append(threads())

    model = Sequential([Input((1,)), Dense(units, use_bias=False)], seed=0)
    model.compile("sgd", "mse")
    x = np.ones((4, 1))
    model.fit(x, np.zeros((4, units), np.float32), batch_size=4, verbose=0, callbacks=[Watch()])
    model.predict(x, batch_size=4, verbose=0, callbacks=[Watch()])
    assert seen == [expected, expected]
    assert threads() == {2}


def test_members_have_a_product_each():
    single = Sequential([Input((6,)), Dense(32), Dense(4)], seed=0)
    several = Sequential([Input((5, 6)), Dense(32, members=5), Dense(4, members=5)], seed=0)
    assert largest_product(several, 16) == largest_product(single, 16) == 6 * 32 * 16


def test_without_threadpoolctl_nothing_is_limited_and_a_choice_names_the_remedy(monkeypatch):
    monkeypatch.setitem(sys.modules, "threadpoolctl", None)
    monkeypatch.setattr(nnlite.threads, "_threads", nnlite.threads._Threads())
    with suited_threads(10):
        assert threads() == {2}
    set_threads(None)
    with pytest.raises(
        ConfigError, match=r"threadpoolctl, which is not installed: pip install .* OPENBLAS_NUM_THREADS"
    ):
        set_threads(1)
    assert threads() == {2}


@pytest.mark.parametrize("wrong", [0, -1, 1.5, "2", True])
def test_errors(wrong):
    with pytest.raises(ConfigError, match="number of threads"):
        set_threads(wrong)


def test_it_is_known_whether_products_are_shared_among_threads(two_threads):
    assert several_threads()
    with suited_threads(SMALL_PRODUCT - 1):
        assert not several_threads()
    assert several_threads()
