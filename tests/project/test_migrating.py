"""docs/migrating: programs of Keras and PyTorch run under these, and what the pages say about them is so."""

import os
import pkgutil
import re
import subprocess
import sys

import numpy as np
import pages
import pytest

from nnlite import Input, Sequential, layers, losses, optimizers

FOLDER = pages.ROOT / "docs" / "migrating"
PROGRAMS = {
    named[1]: content
    for path in sorted(FOLDER.glob("*.md"))
    for _, content in pages.blocks(path.read_text(encoding="utf-8"))
    if (named := re.match(r"# (\w+\.py)\n", content))
}
ROWS = [row for path in FOLDER.glob("*.md") for row in re.findall(r"^\| .*", path.read_text("utf-8"), re.MULTILINE)]
NAMED = sorted({name for row in ROWS for name in re.findall(r"(?<=`)(?:nnlite|keras|torch)\.[\w.]+", row)})


@pytest.fixture(autouse=True)
def keras_on_torch(monkeypatch):
    monkeypatch.setenv("KERAS_BACKEND", "torch")


def run(name, folder):
    (folder / name).write_text(PROGRAMS[name])
    environment = {**os.environ, "PYTHONPATH": str(pages.ROOT), "OPENBLAS_NUM_THREADS": "1"}
    done = subprocess.run([sys.executable, name], cwd=folder, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_all_programs_are_tried_here():
    assert set(PROGRAMS) == {
        "before_keras.py", "read_keras.py",
        "before_pytorch.py", "export_weights.py", "import_weights.py", "before_module.py",
    }  # fmt: skip


@pytest.mark.parametrize("name", NAMED)
def test_names_in_tables_exist(name):
    pytest.importorskip(name.partition(".")[0])
    assert pkgutil.resolve_name(name) is not None


def test_the_changed_line_is_all_that_changes():
    before = PROGRAMS["before_keras.py"].partition("\n")[2].splitlines()
    after = next(
        code for _, code in pages.blocks((FOLDER / "keras.md").read_text("utf-8")) if "nnlite as keras" in code
    )
    swapped = ["import nnlite as keras" if line == "import keras" else line.replace("from keras", "from nnlite")
               for line in before]  # fmt: skip
    assert after.splitlines() == swapped


def test_the_program_of_keras(tmp_path):
    pytest.importorskip("keras")
    assert run("before_keras.py", tmp_path) == "accuracy 1.0\n"


def test_a_file_of_keras_is_read(tmp_path):
    keras, _ = pytest.importorskip("keras"), pytest.importorskip("h5py")
    model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(1, activation="sigmoid")])
    model.save(tmp_path / "classifier.keras")
    assert run("read_keras.py", tmp_path) == "(1, 1)\n"


def test_the_programs_of_pytorch(tmp_path):
    pytest.importorskip("torch")
    assert run("before_pytorch.py", tmp_path) == "mean squared error below 0.02: True\n"
    assert run("before_module.py", tmp_path) == "torch.Size([2, 3])\n"
    assert run("export_weights.py", tmp_path) == run("import_weights.py", tmp_path)


def twins(torch, *ours, theirs):
    """A model here with the weights of a module there, and that module."""
    torch.manual_seed(0)
    module = torch.nn.Sequential(*theirs)
    model = Sequential([Input((4,)), *ours], dtype="float64")
    model.set_weights(
        [value.detach().numpy().T for name, value in module.state_dict().items() if not name.endswith("tracked")]
    )
    return model, module.double()


PAIRS = {
    "CrossEntropyLoss": (losses.SparseCategoricalCrossentropy(from_logits=True), 3),
    "BCEWithLogitsLoss": (losses.BinaryCrossentropy(from_logits=True), 1),
    "HuberLoss": (losses.Huber(), 1),
    "MSELoss": (losses.MeanSquaredError(), 1),
}


@pytest.mark.parametrize("name", PAIRS)
def test_steps_from_the_same_weights_agree_with_pytorch(name):
    torch = pytest.importorskip("torch")
    loss, units = PAIRS[name]
    nn, random = torch.nn, np.random.default_rng(0)
    model, module = twins(torch, layers.Dense(8, "tanh"), layers.Dense(units),
                          theirs=[nn.Linear(4, 8), nn.Tanh(), nn.Linear(8, units)])  # fmt: skip
    model.compile(optimizers.SGD(0.1, momentum=0.9), loss)
    optimizer = torch.optim.SGD(module.parameters(), lr=0.1, momentum=0.9)
    for _ in range(5):
        x = random.normal(size=(16, 4))
        y = random.integers(0, 3, 16) if units == 3 else random.integers(0, 2, (16, 1)).astype("float64")
        theirs = getattr(nn, name)()(module(torch.tensor(x)), torch.tensor(y))
        optimizer.zero_grad()
        theirs.backward()
        optimizer.step()
        assert model.train_on_batch(x, y) == pytest.approx(theirs.item(), rel=1e-6)


def test_running_statistics_follow_those_of_pytorch():
    torch = pytest.importorskip("torch")
    model, module = twins(
        torch, layers.BatchNormalization(momentum=0.9, epsilon=1e-5), theirs=[torch.nn.BatchNorm1d(4)]
    )
    x = np.random.default_rng(0).normal(3, 2, (64, 4))
    model.compile("sgd", "mse")
    module(torch.tensor(x))
    model.forward(x, training=True)
    mean = module[0].running_mean.numpy()
    np.testing.assert_allclose(model.layers[-1].moving_mean, mean, rtol=1e-6)


def test_defaults_that_the_page_names():
    assert optimizers.Adam().epsilon == 1e-7 and layers.LayerNormalization().epsilon == 1e-3
    torch = pytest.importorskip("torch")
    parameters = [torch.nn.Parameter(torch.zeros(1))]
    assert torch.optim.Adam(parameters).defaults["eps"] == 1e-8
    assert torch.nn.BatchNorm1d(2).eps == torch.nn.LayerNorm(2).eps == 1e-5 and torch.nn.BatchNorm1d(2).momentum == 0.1


def arguments(estimator):
    return estimator.get_params()


def test_arguments_of_scikit_learns_perceptron():
    from sklearn import neural_network

    import nnlite

    for name in ("MLPClassifier", "MLPRegressor"):
        ours, theirs = arguments(getattr(nnlite, name)()), arguments(getattr(neural_network, name)())
        assert ours.keys() >= theirs.keys()
        assert {key: ours[key] for key in theirs} == theirs
    table = (FOLDER / "scikit_learn.md").read_text("utf-8").partition("## Arguments")[2].partition("##")[0]
    left, right = zip(*re.findall(r"^\| (.*?) \| (.*) \|$", table, re.MULTILINE)[1:], strict=True)
    shown = {name for cell in left for name in re.findall(r"`(\w+)", cell)}
    assert shown <= arguments(neural_network.MLPClassifier()).keys()
    for cell in [*left, *right]:
        for name, value in re.findall(r"`(\w+)=([^`]+)`", cell):
            owner = neural_network.MLPClassifier() if cell in left else nnlite.NNClassifier()
            assert name in arguments(owner)
            if name not in ("solver", "optimizer", "learning_rate"):  # examples rather than defaults
                assert repr(arguments(owner)[name]) == value.replace('"', "'"), name


def test_the_loss_is_lower_than_scikit_learns_on_all_ten_tables():
    text = (pages.ROOT / "docs" / "tables.md").read_text("utf-8")
    heads, rows = re.search(r"^\| (table \| nnlite .*) \|\n\|.*\n((?:\|.*\n)+)", text, re.MULTILINE).groups()
    places = [heads.split(" | ").index(name) for name in ("nnlite", "scikit-learn's MLP")]
    values = [[float(row.strip("| ").split(" | ")[place].strip("*")) for place in places] for row in rows.splitlines()]
    assert len(values) == 10
    assert all(ours < theirs for ours, theirs in values)
