"""`model.encoder`: raw tables go into a model, are saved with it, and arrays go in as before."""

import copy
import pickle

import numpy as np
import pytest

from nnlite import Input, Model, Sequential, load_model, saving
from nnlite.data import Columns, Numeric, TableEncoder, Texts
from nnlite.errors import ConfigError, DataError, ModelFileError, ShapeError
from nnlite.layers import Concatenate, Dense, Normalization

ROWS = 30
TABLE = {
    "age": [None if row % 7 == 2 else row for row in range(ROWS)],
    "city": [["Rome", "Oslo", "Bern", None][row % 4] for row in range(ROWS)],
}
SOME = {name: cells[:5] for name, cells in TABLE.items()}
Y = np.arange(ROWS, dtype=np.float32)[:, None] / ROWS
ENCODER = TableEncoder.fit(TABLE)


def sequential():
    return Sequential([Input((5,)), Normalization(), Dense(8, "tanh"), Dense(1)], seed=0)


def functional():
    given = Input((5,), name="given")
    return Model(given, Dense(1)(Dense(8, "tanh")(Normalization()(given))), seed=0)


def prepared(make):
    model = make()
    model.encoder = ENCODER
    model.compile("adam", "mse", ["mae"])
    model.adapt(TABLE)
    return model


both = pytest.mark.parametrize("make", [sequential, functional])


@both
def test_every_method_takes_a_raw_table(make):
    model, x = prepared(make), ENCODER.encode(TABLE)
    raw, encoded = copy.deepcopy(model), copy.deepcopy(model)
    encoded.encoder = None
    histories = [
        own.fit(given, Y, epochs=3, verbose=0, validation_data=(first, Y[:5])).history
        for own, given, first in ((raw, TABLE, SOME), (encoded, x, x[:5]))
    ]
    assert histories[0] == histories[1]
    expected = encoded.predict(x, verbose=0)
    assert np.array_equal(raw.predict(TABLE, verbose=0), expected)
    assert np.array_equal(raw.predict(x, verbose=0), expected)  # encoded arrays are taken as before
    assert np.array_equal(raw(TABLE), encoded(x))
    assert np.array_equal(raw.predict_on_batch(TABLE), encoded.predict_on_batch(x))
    assert raw.evaluate(TABLE, Y, verbose=0) == encoded.evaluate(x, Y, verbose=0)
    assert raw.test_on_batch(TABLE, Y) == encoded.test_on_batch(x, Y)
    assert raw.train_on_batch(TABLE, Y) == encoded.train_on_batch(x, Y)
    predictor = raw.compile_predict()
    assert np.array_equal(predictor(SOME), predictor(x[:5]))
    assert np.array_equal(predictor(SOME), encoded.compile_predict()(x[:5]))
    for ours, theirs in zip(raw.vjp(SOME, Y[:5]), encoded.vjp(x[:5], Y[:5]), strict=True):
        assert all(map(np.array_equal, ours, theirs))
    assert np.array_equal(
        raw.predict(SOME, verbose=0, return_jacobian=True)[1],
        encoded.predict(x[:5], verbose=0, return_jacobian=True)[1],
    )


@both
def test_dataframes(make):
    pd = pytest.importorskip("pandas")
    model = prepared(make)
    expected = model.predict(TABLE, verbose=0)
    frame = pd.DataFrame(TABLE).assign(more="x")[["more", "city", "age"]]
    assert np.array_equal(model.predict(frame, verbose=0), expected)
    assert np.array_equal(model.compile_predict()(frame), model.compile_predict()(TABLE))
    with pytest.raises(DataError, match="the table lacks columns of the fit: 'age'"):
        model.predict(frame[["city"]], verbose=0)
    rows = [[age, city] for age, city in zip(*TABLE.values(), strict=True)]
    assert np.array_equal(model.predict(rows, verbose=0), expected)
    assert np.array_equal(model.predict(np.array(rows, object), verbose=0), expected)
    batches = [(frame[:10], Y[:10]), (frame[10:], Y[10:])]
    arrays = [(ENCODER.encode(part), y) for part, y in batches]
    assert np.array_equal(model.predict(batches, verbose=0), model.predict(arrays, verbose=0))


@both
def test_the_encoder_is_saved_with_the_model(make, tmp_path):
    model = prepared(make)
    expected = model.predict(TABLE, verbose=0)
    model.save(tmp_path / "m.safetensors")
    for other in (load_model(tmp_path / "m.safetensors"), pickle.loads(pickle.dumps(model)), copy.deepcopy(model)):
        assert other.encoder.to_spec() == ENCODER.to_spec()
        assert np.array_equal(other.predict(TABLE, verbose=0), expected)


@both
def test_a_file_without_an_encoder_is_the_same_as_ever(make, tmp_path):
    model = prepared(make)
    model.encoder = None
    model.save(tmp_path / "m.safetensors")
    assert "encoder" not in saving.read(tmp_path / "m.safetensors")[0]
    assert load_model(tmp_path / "m.safetensors").encoder is None
    assert make().encoder is None


def test_a_model_that_is_not_built_is_pickled_with_its_encoder():
    model = Sequential([Dense(1)], seed=0)
    model.encoder = ENCODER
    other = pickle.loads(pickle.dumps(model))
    assert other.encoder.to_spec() == ENCODER.to_spec()
    assert other.predict(SOME, verbose=0).shape == (5, 1)


NUMERIC = {"Numeric": {"name": "age", "fill": 0, "mean": 0, "scale": 1}}
SPEC = {"names": ["age"], "named": True, "columns": [NUMERIC]}


@pytest.mark.parametrize(
    ("encoder", "message"),
    [
        (3, "expected an input encoder"),
        ([SPEC], "expected an input encoder"),
        ("TableEncoder", "missing argument 'names'"),
        ({"Tables": SPEC}, "unknown input encoder 'Tables'"),
        ({"TableEncoder": {**SPEC, "extra": 1}}, "unknown argument 'extra'"),
        ({"TableEncoder": {**SPEC, "names": "age"}}, "names: expected a list"),
        ({"TableEncoder": {**SPEC, "names": [1]}}, "expected text, got 1"),
        ({"TableEncoder": {**SPEC, "names": ["b"]}}, "'age' is not among the names"),
        ({"TableEncoder": {**SPEC, "named": 1}}, "named: expected true or false"),
        ({"TableEncoder": {**SPEC, "columns": [3]}}, "expected a column encoder"),
        ({"TableEncoder": {**SPEC, "columns": [{"Numeric": {**NUMERIC["Numeric"], "scale": 0}}]}}, "must be > 0"),
        ({"Columns": {"columns": [{"OneHot": {"name": "a", "categories": [["b"]]}}]}}, "expected text"),
        ({"Columns": {"columns": {}}}, "expected a list"),
    ],
)
def test_a_forged_encoder_is_refused(encoder, message, tmp_path):
    path = tmp_path / "m.safetensors"
    prepared(sequential).save(path)
    header, arrays = saving.read(path)
    saving.write(path, {**header, "encoder": encoder}, arrays)
    with pytest.raises(ModelFileError) as caught:
        load_model(path)
    assert message in str(caught.value)
    assert str(caught.value).count(str(path)) == 1


def test_an_encoder_may_be_given_as_a_spec():
    model = sequential()
    model.encoder = {"Columns": {"columns": [NUMERIC]}}
    assert isinstance(model.encoder, Columns)
    with pytest.raises(ConfigError, match="unknown input encoder 'Colums'; did you mean 'Columns'"):
        model.encoder = "Colums"
    with pytest.raises(ShapeError, match=r"built for inputs of shape \(None, 5\), got \(30, 1\)"):
        model.predict(TABLE, verbose=0)


def test_an_encoder_makes_one_input():
    left, right = Input((3,), name="left"), Input((2,), name="right")
    model = Model([left, right], Dense(1)(Concatenate()([left, right])), seed=0)
    with pytest.raises(ConfigError, match="the model has several inputs, an encoder makes one"):
        model.encoder = ENCODER
    model.encoder = None


def test_a_dict_by_the_name_of_the_input_is_no_table():
    model = prepared(functional)
    x = ENCODER.encode(SOME)
    assert np.array_equal(model.predict({"given": x}, verbose=0), model.predict(x, verbose=0))


def test_without_an_encoder_a_table_is_refused_as_before():
    with pytest.raises(DataError, match="needs numbers"):
        sequential().predict(np.array([["a"] * 5]), verbose=0)


def test_a_model_inside_a_model_gets_arrays():
    inner = Sequential([Dense(2)], seed=0)
    inner.encoder = ENCODER
    outer = Sequential([Input((5,)), inner], seed=0)
    assert outer.predict(ENCODER.encode(SOME), verbose=0).shape == (5, 2)


def test_encoders_of_arrays_leave_them_to_the_model():
    assert not Texts().takes_tables
    assert not Texts().accepts([["a", None]])
    assert Columns([Numeric("age", 0, 0, 1)]).accepts(TABLE)
    assert not ENCODER.accepts(ENCODER.encode(TABLE))
