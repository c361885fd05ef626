"""What a training step does with memory: nothing new in the steady state, and nothing of the caller's written over."""

import gc
import os
import subprocess
import sys
import tracemalloc
import weakref

import numpy as np
import pytest

from nnlite import Sequential, kernels
from nnlite.data.batches import ArrayBatches
from nnlite.jacobians import RowsTimesKernel
from nnlite.layers import Dense, Dropout, Input
from nnlite.metrics import Metric
from nnlite.random import RandomSource
from nnlite.training.train_step import Steps


def net(units=(64, 64), inputs=32, outputs=8, **compile_arguments):
    hidden = [layer for width in units for layer in (Dense(width, activation="relu"), Dropout(0.2))]
    model = Sequential([Input((inputs,)), *hidden, Dense(outputs)], seed=0)
    model.compile("adam", {"SparseCategoricalCrossentropy": {"from_logits": True}}, **compile_arguments)
    return model


def examples(rows, inputs=32, classes=8):
    generator = np.random.default_rng(0)
    return generator.standard_normal((rows, inputs)).astype("float32"), generator.integers(classes, size=rows)


def test_memory_of_a_step_does_not_grow():
    model, (x, y) = net(), examples(256)
    for _ in range(3):
        model.train_step(x, y)
    gc.collect()
    tracemalloc.start()
    try:
        model.train_step(x, y)
        before = tracemalloc.get_traced_memory()[0]
        for _ in range(20):
            model.train_step(x, y)
        after, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    layer = 256 * 64 * 4  # bytes of one hidden layer's outputs
    assert after - before < layer / 4
    # Of each hidden layer: outputs and where they are above zero; dropout's factors and outputs; two in passing.
    assert peak - before < 2 * (1.25 + 2) * layer + 2.5 * layer


COUNT_FAULTS = """
import resource
from test_step_memory import examples, net

model, (x, y) = net((512, 512), 784), examples(128, 784)
for _ in range(5):
    model.train_step(x, y)
before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
for _ in range(20):
    model.train_step(x, y)
print((resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before) / 20)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="counts page faults, which are the C library's doing")
def test_freed_memory_stays_for_the_next_step():
    """In a process of its own: what was ever freed decides what the C library keeps."""
    paths = os.pathsep.join([os.path.dirname(__file__), *sys.path])
    # Dask sets limits of the C library for processes that it starts, and leaves them in the environment.
    environment = {name: value for name, value in os.environ.items() if not name.startswith("MALLOC_")}
    command, environment["PYTHONPATH"] = [sys.executable, "-c", COUNT_FAULTS], paths
    done = subprocess.run(command, capture_output=True, text=True, check=True, env=environment)
    assert float(done.stdout) < 32  # a hidden layer's outputs, new from the system in each step, have 64 pages


def test_gradients_go_straight_into_the_vector():
    model, (x, y) = net(), examples(64)
    model.train_step(x, y)
    (pack,) = model.trainer._steps.store.packs
    pack.gradients[:] = np.nan
    views = [parameter.gradient for parameter in model.parameters]
    model.train_step(x, y)
    assert all(own is parameter.gradient for own, parameter in zip(views, model.parameters, strict=True))
    assert all(np.shares_memory(own, pack.gradients) for own in views)
    assert np.isfinite(pack.gradients).all()


@pytest.mark.usefixtures("choice_restored")
def test_no_product_with_the_data(monkeypatch):
    kernels.use("numpy")  # whole steps, where they are compiled, do not go through `dense_forward`
    model, (x, y) = net(), examples(64)
    ((_, stage, _, _),) = model.trainer.ready_steps().joined.program.stages
    stage.linearize(x, source=RandomSource(0))
    wanted, backward = [], stage.room.backward
    monkeypatch.setattr(
        kernels, "dense_forward", lambda room, inputs: setattr(room, "backward", counted) or room.passes[-1].kept
    )

    def counted(room, slopes, wants_inputs):
        wanted.append(wants_inputs)
        backward(room, slopes, wants_inputs)

    model.train_step(x, y)
    assert wanted == [False]
    widths, product = [], RowsTimesKernel.vjp
    monkeypatch.setattr(
        RowsTimesKernel, "vjp", lambda self, slopes: widths.append(self.in_shape) or product(self, slopes)
    )
    Steps(model.trainer, join=False).train(x, y)
    assert widths == [(64, 64), (64, 64)]  # of the last two layers alone


class Keeping(Metric):
    """Holds on to what it is shown, and a copy of it."""

    def update_state(self, y_true, y_pred, sample_weight=None):
        self.kept += [y_true, y_pred]
        self.copies += [y_true.copy(), y_pred.copy()]

    def result(self):
        return 0.0

    def reset_state(self):
        self.kept, self.copies = [], []


def test_what_metrics_keep_is_not_written_over():
    model, (x, y) = net(metrics=[Keeping()]), examples(100)
    model.fit(x, y, batch_size=32, verbose=0)
    (metric,) = model.metrics[1].metrics
    assert len(metric.kept) == 8
    for own, copy in zip(metric.kept, metric.copies, strict=True):
        np.testing.assert_array_equal(own, copy)


def test_outputs_and_batches_are_not_written_over():
    model, (x, y) = net(), examples(100)
    model.train_step(x, y)
    before = x.copy(), y.copy()
    outputs = [model.trainer._steps.train(x, y)[1] for _ in range(3)]
    assert not np.array_equal(outputs[0], outputs[1])
    assert not np.shares_memory(outputs[0], outputs[2])
    for own, copy in zip((x, y), before, strict=True):
        np.testing.assert_array_equal(own, copy)
    batches = list(ArrayBatches((x, y, None), 32, shuffle_seed=0).epoch())
    assert sorted(batch[0][0, 0] for batch in batches) != [batches[0][0][0, 0]] * 4
    rows = np.concatenate([batch[0] for batch in batches])
    np.testing.assert_array_equal(np.sort(rows, axis=0), np.sort(x, axis=0))


@pytest.mark.parametrize("shuffle_seed", [None, 0])
def test_batches_are_the_same_however_a_table_is_stored(shuffle_seed):
    x, y = examples(50)
    stored = [ArrayBatches(((table, table[:, 0]), y, None), 16, shuffle_seed) for table in (x, np.asfortranarray(x))]
    assert stored[1].arrays[0][0].flags.c_contiguous == (shuffle_seed is not None)
    found = [list(batches.epoch()) for batches in stored]
    for (one, labels, weights), (other, same, _) in zip(*found, strict=True):
        np.testing.assert_array_equal(labels, same)
        assert weights is None
        for mine, its in zip(one, other, strict=True):
            np.testing.assert_array_equal(mine, its)


@pytest.mark.parametrize("units", [20, 600])
@pytest.mark.parametrize("train", ["fit", "train_on_batch", "vjp"])
def test_the_arrays_of_the_caller_are_not_kept(units, train):
    model, (x, y) = net((units,), 400), examples(96, 400)
    if train == "fit":
        model.fit(x, y, batch_size=32, epochs=2, shuffle=False, verbose=0)
    elif train == "train_on_batch":
        model.train_on_batch(x, y)
    else:
        steps = model.trainer.ready_steps()
        outputs, jacobians = steps.joined.program.line[-1].layer.linearize(x[:32])
        first = [gradient.copy() for gradient in jacobians.vjp(np.ones_like(outputs), (False,))[1:]]
        again = jacobians.vjp(np.ones_like(outputs), (False,))[1:]  # the examples are still those of the pass
        assert all(map(np.array_equal, first, again)) and first[0].any()
        del jacobians
    kept = weakref.ref(x)
    del x
    gc.collect()
    assert kept() is None
