"""The same network, rows, seed, optimizer and batches have the same weights through each of the three doors."""

import numpy as np
import pytest
from sklearn.utils import check_random_state

from nnlite import NNClassifier, NNRegressor, Sequential, load
from nnlite.documents import dump
from nnlite.estimators.fitting.rows import distinct_rows
from nnlite.experiment import Experiment, train
from nnlite.layers import Input, Layer
from nnlite.optimizers import Optimizer

RANDOM = np.random.default_rng(0)
X = RANDOM.normal(size=(90, 4)).astype(np.float32)
CLASSES = (X[:, 0] + X[:, 1] ** 2 > 0.5).astype(int) + (X[:, 2] > 1)
NUMBERS = X @ np.array([1.0, 2.0, 0.0, -1.0])
HIDDEN = [{"Dense": {"units": 5, "activation": "tanh"}}, {"Dropout": {"rate": 0.2}}, "BatchNormalization"]
TASKS = {
    "classes": (
        NNClassifier,
        CLASSES,
        {"Dense": {"units": 3, "activation": "softmax"}},
        "sparse_categorical_crossentropy",
        {"calibration": None},
    ),
    "numbers": (NNRegressor, NUMBERS, {"Dense": {"units": 1}}, "mse", {}),
}
OPTIMIZERS = [
    "adam",
    {"SGD": {"learning_rate": 0.05, "momentum": 0.9, "nesterov": True}},
    {"AdamW": {"learning_rate": {"CosineDecay": {"initial_learning_rate": 0.02, "decay_steps": 20}}}},
]
SEED = 3


@pytest.mark.parametrize("shuffle", [True, False])
@pytest.mark.parametrize("optimizer", OPTIMIZERS, ids=["adam", "sgd", "adamw"])
@pytest.mark.parametrize("task", TASKS)
def test_the_weights_are_the_same_to_the_last_bit(task, optimizer, shuffle, tmp_path):
    make, y, last, loss, options = TASKS[task]
    steps = {"epochs": 4, "batch_size": 16, "shuffle": shuffle}
    plain = {"layers": HIDDEN, "standardize": False, "early_stopping": False, "random_state": SEED}
    estimator = make(optimizer=optimizer, **steps, **plain, **options).fit(X, y)

    # What the estimator adds: an order of the rows, a seed drawn from its own, and standardized numbers.
    targets = estimator._targets
    order = distinct_rows(X, y if task == "classes" else y[:, None], None).first
    rows, wanted = X[order], targets.encode(y[order] if task == "classes" else y[order, None])
    seed = int(check_random_state(SEED).randint(np.iinfo(np.int32).max))

    model = Sequential([Input((4,)), *map(Layer.get, [*HIDDEN, last])], seed=seed)
    model.compile(Optimizer.get(optimizer), loss)
    model.fit(rows, wanted, **steps, verbose=0)

    for name, array in (("rows", rows), ("wanted", y[order])):
        np.save(tmp_path / f"{name}.npy", array)
    source = {"Npy": {"inputs": str(tmp_path / "rows.npy"), "target": str(tmp_path / "wanted.npy")}}
    config = {
        "seed": seed,
        "data": {"source": source, "split": {"validation": 0, "test": 0, "shuffle": False}},
        "model": [*HIDDEN, last],
        "compile": {"optimizer": optimizer, "loss": loss},
        "fit": steps,
    }
    (tmp_path / "config.yaml").write_text(dump(config), encoding="utf-8")
    run = train(Experiment.from_file(tmp_path / "config.yaml"), tmp_path / "run", quiet=True)
    trained = load(run.folder).model

    for other in (estimator._network(), trained):
        weights = list(zip(model.get_weights(), other.get_weights(), strict=True))
        assert [(mine.dtype, mine.tobytes()) for mine, _ in weights] == [(w.dtype, w.tobytes()) for _, w in weights]
    assert not np.array_equal(model.get_weights()[0], Sequential.from_config(model.get_config()).get_weights()[0])
