"""The memory of an optimizer in a file of Keras: training continues where Keras stopped."""

import json
import zipfile
from pathlib import Path

import numpy as np
import pytest

import nnlite
from nnlite import optimizers
from nnlite.errors import ModelFileError, TrainingWarning
from nnlite.foreign.keras_optimizers import KINDS, optimizer_state, optimizer_variables
from nnlite.parameters import Parameter, ParameterStore

pytest.importorskip("h5py")
FOLDER = Path(__file__).parent / "of_keras"


def fixture():
    """Data, and the weights after one more epoch in Keras, by optimizer and place."""
    with np.load(FOLDER / "trained.npz") as file:
        return dict(file)


@pytest.mark.parametrize("name", ["adam", "rmsprop"])
def test_training_goes_on_where_keras_stopped(name):
    """Adam keeps largest squares and averages, RMSProp momentum and centers; both count six updates."""
    known = fixture()
    model = nnlite.from_keras(FOLDER / f"trained_{name}.keras", compile=True)
    assert model.optimizer.iterations == 6
    model.fit(known["x"], known["y"], batch_size=8, epochs=1, shuffle=False, verbose=0)
    trained = model.get_weights()
    expected = [known[f"{name}/{place}"] for place in range(len(trained))]
    for array in expected:
        nearest = min(abs(array - own).max() for own in trained if own.shape == array.shape)
        assert nearest < 1e-6
    again = nnlite.from_keras(FOLDER / f"trained_{name}.keras", compile=True)
    again.compile(type(again.optimizer).from_config(again.optimizer.get_config()), "mse")  # without memory
    again.fit(known["x"], known["y"], batch_size=8, epochs=1, shuffle=False, verbose=0)
    assert max(abs(one - two).max() for one, two in zip(trained, again.get_weights(), strict=True)) > 1e-4


def test_load_model_gives_the_memory_too():
    model = nnlite.load_model(FOLDER / "trained_adam.keras")
    assert model.optimizer.iterations == 6
    assert len(model.optimizer.variables) == 2 + 4 * len(model.trainable_variables)  # amsgrad, average
    assert not nnlite.load_model(FOLDER / "trained_adam.keras", compile=False).compiled


def test_a_memory_that_does_not_fit_is_a_warning(tmp_path):
    def change(document):
        document["compile_config"]["optimizer"]["config"]["amsgrad"] = False

    with zipfile.ZipFile(FOLDER / "trained_adam.keras") as source, zipfile.ZipFile(tmp_path / "m.keras", "w") as target:
        for entry in source.namelist():
            content = source.read(entry)
            if entry == "config.json":
                document = json.loads(content)
                change(document)
                content = json.dumps(document).encode()
            target.writestr(entry, content)
    with pytest.warns(TrainingWarning, match="continues without its memory in the file: Adam keeps"):
        model = nnlite.load_model(tmp_path / "m.keras")
    assert model.compiled and model.optimizer.iterations == 0


@pytest.mark.parametrize("name", sorted(KINDS))
def test_each_layout_has_all_slots_of_its_optimizer(name):
    options = [{}, {"momentum": 0.5}] if name in ("SGD", "RMSprop") else [{}]
    options += [{"amsgrad": True}] if name in ("Adam", "AdamW") else []
    for given in options:
        optimizer = getattr(optimizers, name)(**given)
        listed = [slot.name for group in optimizer.keras_slots() for slot in group]
        assert sorted(listed) == sorted(optimizer.slot_names())


def state_of(optimizer, arrays):
    store = ParameterStore([Parameter("a", np.zeros((2, 3))), Parameter("b", np.zeros(3))])
    return optimizer_state(optimizer, arrays, store.packs[0].parameters, store.packs)


def test_the_means_of_keras_become_the_sums_of_adam():
    ones = [np.ones((2, 3)), 2 * np.ones((2, 3)), 3 * np.ones(3), 4 * np.ones(3)]
    state = state_of(optimizers.Adam(beta_1=0.5, beta_2=0.75), [np.array(7), np.array(0.1), *ones])
    assert state["iterations"] == 7
    np.testing.assert_allclose(state["slots"][0]["momentum"], [2] * 6 + [6] * 3)
    np.testing.assert_allclose(state["slots"][0]["squares"], [8] * 6 + [16] * 3)
    behind = [np.zeros(1)]  # the product of the momenta
    assert state_of(optimizers.Nadam(), [np.array(7), np.array(0.1), *ones, *behind])["iterations"] == 7
    assert state_of(optimizers.SGD(), [np.array(2), np.array(0.1)]) == {"iterations": 2, "slots": [{}]}


def test_arrays_of_another_number_or_size_and_other_meanings_are_refused():
    with pytest.raises(ModelFileError, match="keeps 6 arrays for this model, the file has 2"):
        state_of(optimizers.Adam(), [np.array(7), np.array(0.1)])
    with pytest.raises(ModelFileError, match=r"velocity of 'b' has the shape \(4,\), needed \(3,\)"):
        state_of(optimizers.SGD(momentum=0.5), [np.array(7), np.array(0.1), np.ones((2, 3)), np.ones(4)])
    with pytest.raises(ModelFileError, match="another meaning in Keras"):
        state_of(optimizers.Adafactor(), [np.array(7)])


def test_muon_has_a_velocity_of_what_is_left_to_adamw_alone():
    arrays = [np.array(7), np.array(0.1), np.ones((2, 3)), 2 * np.ones(3), 3 * np.ones(3)]
    state = state_of(optimizers.Muon(), arrays)
    assert state["slots"][0]["momentum"].tolist() == [1] * 6 + [2] * 3
    assert state["slots"][0]["velocity"].tolist() == [3] * 3


@pytest.mark.parametrize("optimizer", [optimizers.Muon(0.01), optimizers.ScheduleFreeAdamW(0.01)])
def test_memory_in_the_layout_of_keras_and_back(optimizer):
    model = nnlite.Sequential([nnlite.layers.Dense(4), nnlite.layers.Dense(1)], seed=0)
    model.build((None, 3))
    model.compile(optimizer, "mse")
    rows = np.random.default_rng(0).random((20, 3))
    model.fit(rows, rows[:, :1], epochs=2, verbose=0)
    weights, packs = model.trainable_weights, model.trainer.ready_steps().store.packs
    written = optimizer_variables(optimizer, weights, packs)
    arrays = [written[f"optimizer/vars/{number}"] for number in range(len(written))]
    assert [array.shape for array in arrays] == [variable.shape for variable in optimizer.variables]
    state = optimizer_state(optimizer, arrays, weights, packs)
    assert state["iterations"] == optimizer.iterations
    for mine, again in zip(optimizer.slots, state["slots"], strict=True):
        assert mine.keys() == again.keys()
        for name, slot in mine.items():
            np.testing.assert_allclose(again[name], slot, rtol=1e-6)
