"""Some 950 model files made by hand: each is refused by one clear error, or is another model, and costs nothing."""

import json
import warnings
from typing import Any

import numpy as np
import pytest
from bounds import outcome_of
from hand_made_files import ENTRY_VALUES, HEADERS, LAYERS, MAKERS, hand_made, parts, replaced, trained
from model_file_mutations import file_of

import nnlite
from nnlite import Input, Sequential, layers, load_model, saving
from nnlite.errors import MissingClassError, ModelFileError, NNLiteError
from nnlite.features import FeatureSpace
from nnlite.layers.base.contract.structure import leaves_of

MEMORY, SECONDS = 64 * 2**20, 1.0  # beyond the size of the file; of the processor, without the tracing of memory
SLOWED = 5  # times that the tracing of memory slows down

# What is refused where it is used: what the parts of a file say of one another is settled when they meet data.
AT_USE = {
    "plain: compile.loss.SparseCategoricalCrossentropy.axis = 7",
    f'plain: {LAYERS}.1.Dense.kernel_constraint = {{"MaxNorm": {{"axis": 9}}}}',
    *(f"table: encoder.TableEncoder.columns.5.Dates.form = {form}" for form in ('"%"', '"%Q"', '"{0.__class__}"')),
}
# What is a model, if another one: a file that was changed on purpose is believed.
OTHER_MODELS = {
    f'plain: {LAYERS}.1.Dense.kernel_initializer = {{"Constant": {{"value": [[1]]}}}}',
    f'plain: {LAYERS}.1.Dense.name = ""',
    'graph: model.Model.inputs.0.Input.name = ""',
    'graph: model.Model.inputs.0.Input.name = "a\\u0000"',
    "graph: compile.loss_weights = [1, -1000000000000000000000000000000]",
    'table: encoder.TableEncoder.columns.1.OneHot.fill = "nobody"',
    "table: encoder.TableEncoder.columns.3.Quantiles.quantiles = [1.0]",
    "table: encoder.TableEncoder.columns.7.Ranks.categories = []",
    f"table: {LAYERS}.6.GlobalAveragePooling1D.keepdims = true",
    f'slopes: {LAYERS}.1.InputDerivatives.layers.0.Dense.activation = "relu"',
    "plain: input_shape = null",  # its `Input` has it too
    "plain: no slots after steps",
    "plain: squares below 0",
    "plain: slots that are no numbers",
    "plain: infinite slots",
    "image: variances below 0",
    "table: a width of 0",
}
DAY = np.datetime64("2020-01-01")
ROW = {"a": 1.0, "b": "x", "c": 1.0, "d": 0.5, "e": 3.0, "g": "a quiet room", "h": "low"}
ROWS = {"table": [{**ROW, "f": DAY}], "amounts": [{"a": 1.0, "c": "x"}]}

pytestmark = pytest.mark.usefixtures("quiet")


def use(path, kind, **changes):
    """Predict, from raw rows where the file knows them, and train for an epoch what is compiled."""
    loaded = nnlite.load(path)
    if kind in ROWS:
        loaded.predict([{**ROWS[kind][0], **changes}])
        return
    model = loaded.model
    outputs: Any
    shapes = model.input_shape if model.takes_several else (model.input_shape,)
    inputs = [np.ones((2, *shape[1:]), np.float32) for shape in shapes]
    x = inputs if model.takes_several else inputs[0]
    outputs = model.predict(x, verbose=0)
    if model.compiled:
        targets = {"plain": np.zeros(2, int), "graph": leaves_of(outputs)}
        model.fit(x, targets.get(kind, outputs), verbose=0)


@pytest.fixture(scope="module")
def outcomes(tmp_path_factory):
    """Label -> what comes of a file: its error, the bytes and seconds beyond what is due."""
    path = tmp_path_factory.mktemp("by hand") / "a.safetensors"
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")
        return come_of(path)


def come_of(path):
    found = {}
    for label, kind, content in hand_made():
        path.write_bytes(content)
        loaded = outcome_of(lambda: load_model(path), SLOWED * SECONDS, traced=True)
        used = None
        if loaded.error is None:
            try:
                use(path, kind, **({"f": "2020-01-01"} if "Dates.form" in label else {}))
            except Exception as caught:
                used = caught
        found[label] = (loaded.error, used, loaded.seconds, loaded.peak - len(content))
    return found


def test_there_are_many_and_their_models_are_good_ones(outcomes, tmp_path):
    assert len(outcomes) > 900 and len(HEADERS) >= 10 and len(ENTRY_VALUES) == 3
    for kind in MAKERS:
        (tmp_path / "a.safetensors").write_bytes(file_of(*parts(kind)))
        use(tmp_path / "a.safetensors", kind)


def test_each_is_refused_by_one_typed_error(outcomes):
    taken = {label for label, (error, *_) in outcomes.items() if error is None}
    assert taken == AT_USE | OTHER_MODELS
    refused = {label: error for label, (error, *_) in outcomes.items() if error}
    assert {
        label: error for label, error in refused.items() if type(error) not in (ModelFileError, MissingClassError)
    } == {}
    unknown = [str(error) for error in refused.values() if type(error) is MissingClassError]
    assert unknown and all("unknown" in text or "Allowed" in text or "not one of" in text for text in unknown)


def test_errors_name_the_file_and_what_is_wrong(outcomes):
    texts = {label: str(error) for label, (error, *_) in outcomes.items() if error}
    assert {label: text for label, text in texts.items() if "a.safetensors" not in text} == {}
    assert {label: len(text) for label, text in texts.items() if len(text) > 2500} == {}
    assert {label: text for label, text in texts.items() if "cannot be read (" in text} == {}  # an error of Python's


def test_what_is_taken_is_used_or_refused(outcomes):
    used = {
        label: error
        for label, (error, error_of_use, *_) in outcomes.items()
        if error is None
        for error in [error_of_use]
    }
    assert {label for label, error in used.items() if isinstance(error, NNLiteError)} == AT_USE
    assert {label for label, error in used.items() if error is None} == OTHER_MODELS


def test_none_costs_memory_or_time(outcomes):
    assert {label: peak for label, (*_, peak) in outcomes.items() if peak > MEMORY} == {}
    assert {label: seconds for label, (_, _, seconds, _) in outcomes.items() if seconds >= SLOWED * SECONDS} == {}


def test_a_model_file_names_no_other_file(tmp_path):
    """The lines of a file of another user would become a vocabulary that whoever has the model can read."""
    (tmp_path / "secret.txt").write_text("alpha\nbeta\n")
    model = Sequential([Input((1,), dtype="string"), layers.StringLookup(vocabulary=["a", "b"])], seed=0)
    model.save(path := tmp_path / "model.safetensors")
    header, arrays = saving.read(path)
    place = f"{LAYERS}.1.StringLookup.vocabulary"
    path.write_bytes(file_of(replaced(header, place, str(tmp_path / "secret.txt")), arrays))
    with pytest.raises(ModelFileError, match="a model file names no other file to read"):
        load_model(path)
    model = Sequential([Input((1,), dtype="string"), layers.StringLookup(vocabulary=str(tmp_path / "secret.txt"))])
    model.save(path)  # whose words are in the file itself
    (tmp_path / "secret.txt").unlink()
    assert load_model(path).layers[-1].get_vocabulary() == ["[UNK]", "alpha", "beta"]


def test_a_feature_space_names_no_other_file(tmp_path):
    (tmp_path / "secret.txt").write_text("alpha\nbeta\n")
    space = FeatureSpace({"a": "string_categorical"})
    space.adapt({"a": ["x", "y"]})
    space.save(path := tmp_path / "space.safetensors")
    header, arrays = saving.read(path)
    text = json.dumps(header)
    assert '["x", "y"]' in text or '["y", "x"]' in text
    for words in ('["x", "y"]', '["y", "x"]'):
        text = text.replace(words, json.dumps(str(tmp_path / "secret.txt")))
    path.write_bytes(file_of(text, arrays))
    with pytest.raises(ModelFileError, match="names no other file"):
        FeatureSpace.load(path)


# Place in the state of a training -> what stands there instead.
STATES = {
    "plan": [None, 3, [], {}, "x"],
    "plan.seed": [1, None, "0"],
    "plan.data": ["", None, 3],
    "plan.fit.batch_size": [7, "x"],
    "epochs": [None, -1, 2.5, "3", True],
    "epoch": [None, -1, 10**30, 1.5, "1", True, 4],
    "batch": [None, -1, 10**30, 1.5, "1", 99],
    "first_epoch": [None, -1, 2, "0", 10**30],
    "begun": [None, -1, "0", 0.5],
    "shuffled_at": [None, -1, "0"],
    "steps": ["x", [], -1, 0.5],
    "learning_rate": ["x", [], {}],
    "loss": [None, 3, [], [1.0], [1.0, 2.0, 3.0], ["a", 1], {}],
    "metrics": [None, 3, "x", [], [{}], [3, 4], [{"total": "x", "count": 1}, {}]],
    "metrics.0": [None, {}, {"total": 1.0}, {"total": "x", "count": 32}, {"total": 1.0, "count": 32, "more": 1}, 3],
    "metrics.1.true_positives": [None, 3, "x", {"$array": "training/9"}, {"$array": 3}, {"$array": "weights/0.kernel"}],
    "callbacks": [None, 3, "x", [], [["EarlyStopping", {}]], [3], [[]], [["Nobody", {}]]],
    "callbacks.0": [None, 3, ["EarlyStopping"], ["EarlyStopping", 3], ["EarlyStopping", {}], ["Nobody", {}]],
    "callbacks.0.1.wait": [None, "x", []],
    "callbacks.0.1.best": ["x", []],
    "callbacks.0.1.best_weights": [3, "x", [3], [[1.0]]],
    "callbacks.2.1.history": [None, 3, [], {"loss": 3}, {"loss": ["x"]}],
    "callbacks.2.1.epoch": [None, 3, ["x"], "x"],
    "logs": [None, 3, [], "x"],
    "stopped": [None, "x", 3],
}


@pytest.mark.parametrize("place", STATES)
def test_states_of_trainings_are_checked_before_they_are_gone_on_with(place, tmp_path):
    header, arrays = parts("checkpoint")
    path = tmp_path / "step-0000000003.safetensors"
    for value in STATES[place]:
        path.write_bytes(file_of(replaced(header, f"training.{place}", value), arrays))
        with pytest.raises(NNLiteError) as caught:
            trained(tmp_path, resume=path)
        assert len(str(caught.value)) < 2500, value


def test_a_training_goes_on_from_the_file_before_it_is_spoilt(tmp_path):
    (tmp_path / "step-0000000003.safetensors").write_bytes(file_of(*parts("checkpoint")))
    resumed, whole = trained(tmp_path, resume=tmp_path), trained(tmp_path / "other")
    for one, other in zip(resumed.get_weights(), whole.get_weights(), strict=True):
        np.testing.assert_array_equal(one, other)
