"""Trainings of every kind go on from within an epoch, to the last bit: from each of their checkpoints."""

import contextlib
import random

import numpy as np
import pytest
from bayes_nets import clinic
from hand_made_files import MAKERS, parts
from model_file_mutations import file_of, resealed
from test_model_files_mutated import try_file, use

from nnlite import Input, Model, Sequential, layers
from nnlite.callbacks import CSVLogger
from nnlite.circuits import Circuit
from nnlite.errors import NNLiteError

X = np.random.default_rng(0).normal(size=(36, 4)).astype(np.float32)
FIRST, LABELS = X[:, :1], (X[:, 0] > 0).astype(int)


def graph():
    inputs = Input((4,))
    hidden = layers.Dropout(0.2)(layers.Dense(5, "tanh")(inputs))
    outputs = {"price": layers.Dense(1, name="price")(hidden), "more": [layers.Dense(2, name="kind")(hidden)]}
    model = Model(inputs, outputs, seed=0)
    model.compile("adam", ["mae", "mse"], metrics=[["mse"], ["mae"]])
    return model, [X[:, 1:3], FIRST]  # by the keys of the outputs in alphabetical order


def circuit():
    network = clinic()
    model = Sequential([Input((len(network.variables),)), Circuit(network, target="cough")], seed=0)
    model.compile({"Adam": {"learning_rate": 0.05}}, {"SparseCategoricalCrossentropy": {"from_logits": True}})
    return model, None


def chain(*given, optimizer="adam", loss="mse", **options):
    model = Sequential([Input((4,)), *given], seed=0)
    model.compile(optimizer, loss, **options)
    return model, FIRST


def slopes():
    model, _ = chain(layers.InputDerivatives([layers.Dense(5, "tanh"), layers.Dense(1)], columns=[0], order=2))
    return model, X[:, :3]


def members():
    given = [layers.RepeatVector(3), layers.Scale(members=3), layers.Dense(4, "relu", members=3), layers.Dropout(0.1),
             layers.Dense(1, members=3), layers.GlobalAveragePooling1D()]  # fmt: skip
    return chain(*given)


def stateful():
    given = [layers.Normalization(), layers.Dense(5), layers.BatchNormalization(), layers.GaussianNoise(0.1),
             layers.Dense(2, "softmax")]  # fmt: skip
    model, _ = chain(*given, loss="sparse_categorical_crossentropy", metrics=["accuracy", "SparseCategoricalAccuracy"])
    model.adapt(X)
    return model, LABELS


KINDS = {
    "several outputs": graph,
    "circuit": circuit,
    "derivatives of inputs": slopes,
    "members": members,
    "moving statistics": stateful,
    "averages": lambda: chain(layers.Dense(1), optimizer={"Adam": {"use_ema": True}}),
    "accumulation": lambda: chain(layers.Dense(1), optimizer={"Adam": {"gradient_accumulation_steps": 2}}),
    **{
        name: lambda name=name: chain(layers.Dense(4, "tanh"), layers.Dense(1), optimizer=name)
        for name in ("lbfgs", "levenberg_marquardt", "gauss_newton", "newton_cg", "bayesian_regularization")
    },
}  # fmt: skip


def trained(make, folder, resume=None):
    """The weights and the history of a training, and the model."""
    model, y = make()
    x = X if y is not None else clinic().sample(36, seed=0).astype(np.float32)
    y = (x[:, 4].astype(int) % 3) if y is None else y
    folder.mkdir(exist_ok=True)
    full = "point" in model.optimizer.slot_names()  # all rows are one batch
    plateau = [] if full else [{"ReduceLROnPlateau": {"patience": 1}}]
    callbacks = [{"Checkpoints": {"folder": str(folder), "every": "1 steps", "keep": 99}},
                 CSVLogger(folder / "log.csv"), *plateau]  # fmt: skip
    options = {"verbose": 0, "epochs": 3, "callbacks": callbacks, "resume": resume}
    history = model.fit(x, y, batch_size=None if full else 9, validation_split=0.25, **options)
    return model.get_weights(), history.history, (folder / "log.csv").read_text()


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.filterwarnings("ignore")
def test_goes_on_from_each_checkpoint(kind, tmp_path):
    weights, history, log = trained(KINDS[kind], tmp_path / "whole")
    checkpoints = sorted((tmp_path / "whole").glob("step-*.safetensors"))
    assert len(checkpoints) >= 3
    for number, path in enumerate(checkpoints[:: max(1, len(checkpoints) // 4)]):
        found, again, rows = trained(KINDS[kind], tmp_path / f"again{number}", path)
        assert again == history and rows == log, path.name
        for one, other in zip(weights, found, strict=True):
            np.testing.assert_array_equal(one, other)


@pytest.mark.parametrize("kind", MAKERS)
@pytest.mark.usefixtures("quiet")
def test_resealed_files_of_every_kind(kind, tmp_path, runs):
    for seed in range((runs or 200) // 10):
        content = resealed(file_of(*parts(kind)), random.Random(f"{kind} {seed}"))
        if try_file(path := tmp_path / "a.safetensors", content, f"{kind}: seed {seed}"):
            with contextlib.suppress(NNLiteError):
                use(path)
