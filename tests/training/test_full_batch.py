"""Training by full-batch optimizers: the loss over all rows, the loop around it, resuming, what is refused."""

import numpy as np
import pytest

from nnlite import Input, Model, Sequential
from nnlite.callbacks import Checkpoints, EarlyStopping, LearningRateScheduler, ReduceLROnPlateau
from nnlite.errors import ConfigError, TrainingWarning
from nnlite.estimators import NNClassifier, NNRegressor
from nnlite.layers import (
    GRU,
    LSTM,
    RNN,
    BatchNormalization,
    Bidirectional,
    Concatenate,
    Dense,
    Dropout,
    Embedding,
    Flatten,
    GaussianNoise,
    Masking,
    MultiHeadAttention,
    SimpleRNNCell,
    TimeDistributed,
)
from nnlite.losses.output_losses import OutputCurvature
from nnlite.optimizers import LBFGS, BayesianRegularization, GaussNewton, LevenbergMarquardt, NewtonCG
from nnlite.training.full_batch import objective
from nnlite.training.full_batch.curvature import each_output, jacobian_of_rows
from nnlite.training.full_batch.objective import WholeLoss

EVERY = ["LevenbergMarquardt", "BayesianRegularization", "GaussNewton", "LBFGS", "NewtonCG"]
RANDOM = np.random.default_rng(0)
X = RANDOM.normal(size=(150, 3))
Y = (np.sin(2 * X[:, :1]) * X[:, 1:2]).astype(float)
CLASSES = (Y[:, 0] > 0).astype(int) + (X[:, 2] > 0.5)
WEIGHTS = RANDOM.uniform(0.5, 2, 150)


def net(*last, optimizer="LBFGS", loss="mse", dtype="float64", **compiled):
    layers = last or (Dense(6, "tanh"), Dense(1))
    model = Sequential([Input((3,)), *layers], seed=0, dtype=dtype)
    model.compile(optimizer, loss, **compiled)
    return model


def softmax(regularizer=None):
    return Dense(5, "tanh", kernel_regularizer=regularizer), Dense(3, "softmax")


def sequences():
    model = Sequential([Input((5, 2)), Masking(), LSTM(4, return_sequences=True), Dense(2)], seed=0, dtype="float64")
    x = RANDOM.normal(size=(9, 5, 2))
    x[:4, 3:] = 0
    return model, x, RANDOM.normal(size=(9, 5, 2))


def cases():
    yield "plain", net(), X, Y, None
    yield "weights", net(), X, Y, WEIGHTS
    yield "sum", net(loss={"MeanSquaredError": {"reduction": "sum"}}), X, Y, WEIGHTS
    yield "by weight", net(loss={"MeanSquaredError": {"reduction": "mean_with_sample_weight"}}), X, Y, WEIGHTS
    yield "classes", net(*softmax(), loss="sparse_categorical_crossentropy"), X, CLASSES, WEIGHTS
    yield "huber", net(loss="huber"), X, Y, None
    yield "binary", net(Dense(4, "gelu"), Dense(1, "sigmoid"), loss="binary_crossentropy"), X, CLASSES > 0, None
    yield "moments", net(Dense(4), BatchNormalization(), Dense(1)), X, Y, None
    model, x, y = sequences()
    model.compile("LBFGS", "mse")
    yield "sequences", model, x, y, None
    words = Sequential([Input((3,), dtype="int32"), Embedding(7, 2), LSTM(3), Dense(1)], seed=0, dtype="float64")
    words.compile("LBFGS", "mse")
    yield "words", words, RANDOM.integers(0, 7, (20, 3)), RANDOM.normal(size=(20, 1)), None


CASES = {name: rest for name, *rest in cases()}


def whole_loss(name):
    model, x, y, weights = CASES[name]
    arrays = model.trainer.read_batch(x, y, weights)
    return model, WholeLoss(model.trainer.ready_steps(), arrays), arrays


@pytest.mark.parametrize("name", CASES)
def test_pieces_add_up_to_the_loss_and_its_derivatives(name, monkeypatch):
    monkeypatch.setattr(objective, "PIECE_ROWS", 4)
    monkeypatch.setattr(objective, "PIECE_BYTES", 1)
    model, whole, (x, y, weights) = whole_loss(name)
    assert whole.rows == (150 if name == "moments" else 4)
    steps = model.trainer.ready_steps()
    point = np.concatenate([pack.values for pack in steps.store.packs])
    value, gradient = whole.gradient(point)
    outputs, jacobians = steps.chain.linearize(x, *model.values, training=True)
    assert value == pytest.approx(steps.loss.linearize(y, outputs, weights, jacobians.mask)[0], rel=1e-12)
    assert whole.value(point) == pytest.approx(value, rel=1e-14)
    direction = np.random.default_rng(1).normal(size=whole.size)
    step = 1e-5 * direction
    quotient = (whole.value(point + step) - whole.value(point - step)) / 2e-5
    assert direction @ gradient == pytest.approx(quotient, rel=1e-6, abs=1e-9)
    bent = (whole.gradient(point + step)[1] - whole.gradient(point - step)[1]) / 2e-5
    np.testing.assert_allclose(whole.hessian_product(point, direction), bent, rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("name", [name for name in CASES if name != "moments"])
def test_the_gauss_newton_matrix_is_that_of_ggn_vp(name, monkeypatch):
    monkeypatch.setattr(objective, "PIECE_ROWS", 4)
    monkeypatch.setattr(objective, "PIECE_BYTES", 1)
    model, whole, _ = whole_loss(name)
    x, y, weights = CASES[name][1:]
    point = np.concatenate([pack.values for pack in model.trainer.ready_steps().store.packs])
    value, gradient, matrix = whole.gauss_newton(point)
    assert value == pytest.approx(whole.value(point), rel=1e-14)
    np.testing.assert_allclose(gradient, whole.gradient(point)[1], rtol=1e-10, atol=1e-14)
    for seed in range(3):
        vector = np.random.default_rng(seed).normal(size=whole.size)
        expected = model.ggn_vp(x, y, vector, weights)
        np.testing.assert_allclose(matrix @ vector, expected, rtol=1e-9, atol=1e-13)
        for _ in range(2):  # the second from kept Jacobians
            found = whole.gauss_newton_product(point, vector)
            np.testing.assert_allclose(found, expected, rtol=1e-9, atol=1e-13)


def test_rows_that_depend_on_one_another_are_one_piece(monkeypatch):
    monkeypatch.setattr(objective, "PIECE_BYTES", 1)
    _, whole, _ = whole_loss("moments")
    value, gradient, matrix = whole.gauss_newton(whole.point + 0.1)
    assert value == pytest.approx(whole.value(whole.point + 0.1), rel=1e-14)
    np.testing.assert_allclose(gradient, whole.gradient(whole.point + 0.1)[1], rtol=1e-9, atol=1e-13)
    vector = np.random.default_rng(0).normal(size=whole.size)
    expected = whole.gauss_newton_product(whole.point + 0.1, vector)
    np.testing.assert_allclose(matrix @ vector, expected, rtol=1e-9, atol=1e-13)


def two_outputs(losses, optimizer="LevenbergMarquardt"):
    inputs = Input((3,), dtype="float64")
    hidden = Dense(4, "tanh", dtype="float64")(inputs)
    outputs = [Dense(1, name="one", dtype="float64")(hidden), Dense(2, name="two", dtype="float64")(hidden)]
    model = Model(inputs, outputs, seed=0)
    model.compile(optimizer, losses, loss_weights=[1.0, 0.3])
    return model, [Y, np.hstack([X[:, :1] * Y, Y**2])]


@pytest.mark.parametrize("losses", ["mse", ["huber", "mse"]])
def test_the_matrix_of_several_outputs_is_the_sum_of_theirs(losses):
    model, y = two_outputs(losses, "GaussNewton")
    arrays = model.trainer.read_batch(X, y, WEIGHTS)
    whole = WholeLoss(model.trainer.ready_steps(), arrays)
    value, gradient, matrix = whole.gauss_newton(whole.point)
    assert value == pytest.approx(whole.value(whole.point), rel=1e-14)
    np.testing.assert_allclose(gradient, whole.gradient(whole.point)[1], rtol=1e-10, atol=1e-14)
    vector = np.random.default_rng(0).normal(size=whole.size)
    product = model.ggn_vp(X, y, vector, WEIGHTS)
    np.testing.assert_allclose(matrix @ vector, product, rtol=1e-10, atol=1e-14)
    for structure in ("dense", "matrix_free"):
        np.testing.assert_allclose(model.ggn(X, y, WEIGHTS, structure=structure).vp(vector), product, rtol=1e-10)
    diagonal = model.ggn(X, y, WEIGHTS, structure="diagonal").diagonal()
    np.testing.assert_allclose(diagonal, np.diag(matrix), rtol=1e-10, atol=1e-14)
    one = [X[:1], [part[:1] for part in y]]
    exact, factored = (model.ggn(*one, structure=structure).todense() for structure in ("block", "kfac"))
    np.testing.assert_allclose(factored, exact, rtol=1e-10, atol=1e-14)  # of a single row the factors are exact


def test_least_squares_of_several_outputs():
    model, y = two_outputs("mse")
    losses = model.fit(X, y, epochs=60, verbose=0).history["loss"]
    assert losses[-1] < losses[0] / 5
    other, y = two_outputs("mse", "LBFGS")
    assert losses[-1] < other.fit(X, y, epochs=200, verbose=0).history["loss"][-1] * 1.001
    model, y = two_outputs(["mse", "huber"])
    with pytest.raises(ConfigError, match="needs a sum of squared errors"):
        model.fit(X, y, verbose=0)
    model, y = two_outputs("mse", "BayesianRegularization")
    with pytest.raises(ConfigError, match="the errors of one output"):
        model.fit(X, y, verbose=0)


def test_jacobians_of_rows_that_depend_on_one_another():
    model = CASES["moments"][0]
    model.trainer.read_batch(X[:6], Y[:6])
    steps = model.trainer.ready_steps()
    outputs, jacobians = steps.chain.linearize(X[:6], *model.values, training=True)
    vector = WholeLoss(steps, (X[:6], Y[:6], None)).vector
    found = jacobian_of_rows(vector, jacobians, outputs.shape)
    seed = np.zeros((6, 1))
    seed[2] = 1
    wanted = (*[False] * jacobians.data, *vector.chosen)
    expected = vector.join(jacobians.vjp(seed, wanted)[jacobians.data :], ())
    np.testing.assert_allclose(found[2, 0], expected, rtol=1e-12, atol=1e-15)  # some are sums that cancel


@pytest.mark.parametrize("name", EVERY)
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_least_squares_reach_the_solution_of_the_normal_equations(name, dtype):
    if name == "BayesianRegularization":
        pytest.skip("has a penalty")
    model = net(Dense(1), optimizer=name, dtype=dtype)
    noisy = X @ np.array([[1.0], [-2.0], [0.5]]) + 3 + 0.1 * RANDOM.normal(size=(150, 1))
    history = model.fit(X, noisy, epochs=40, verbose=0).history
    design = np.concatenate([X.astype(dtype), np.ones((150, 1))], axis=1).astype(float)
    expected = np.linalg.lstsq(design, noisy.astype(dtype).astype(float), rcond=None)[0]
    found = np.concatenate([model.layers[-1].kernel.value.ravel(), model.layers[-1].bias.value])
    np.testing.assert_allclose(found, expected[:, 0], rtol=1e-6)
    assert model.optimizer.stop_reason == "minimum gradient reached" and model.stop_training
    assert len(history["loss"]) < 40
    assert history["loss"][-1] == pytest.approx(np.square(design @ expected - noisy.astype(dtype)).mean(), rel=1e-9)


def test_bayesian_regularization_finds_how_many_parameters_the_data_determine():
    """A linear model has the fixed point in closed form: MacKay's alpha, beta and gamma."""
    random = np.random.default_rng(3)
    x, kernel = random.normal(size=(60, 8)), np.array([2.0, -1.5, 1.0, 0, 0, 0, 0, 0])
    y = (x @ kernel + 0.3 * random.normal(size=60))[:, None]
    model = Sequential([Input((8,)), Dense(1, use_bias=False)], seed=0, dtype="float64")
    model.compile(BayesianRegularization(min_grad=1e-10), "mse")
    history = model.fit(x, y, epochs=200, verbose=0).history
    alpha, beta = 1.0, 1.0
    for _ in range(500):
        matrix = beta * x.T @ x + alpha * np.eye(8)
        weights = np.linalg.solve(matrix, beta * x.T @ y)
        gamma = 8 - alpha * np.trace(np.linalg.inv(matrix))
        alpha = gamma / (2 * float((weights**2).sum()))
        beta = (60 - gamma) / (2 * float(np.square(x @ weights - y).sum()))
    np.testing.assert_allclose(model.layers[-1].kernel.value, weights, rtol=1e-5)
    for name, expected in {"gamma": gamma, "alpha": alpha, "beta": beta}.items():
        assert history[name][-1] == pytest.approx(expected, rel=1e-4), name
    assert 3 < history["gamma"][-1] < 8 == history["gamma"][0]
    with pytest.raises(ConfigError, match="has a penalty of its own"):
        net(*softmax({"L2": {"l2": 0.1}})[:1], Dense(1), optimizer="BayesianRegularization").fit(X, Y, verbose=0)


@pytest.mark.parametrize("name", ["GaussNewton", "LBFGS", "NewtonCG", GaussNewton(max_parameters=1)], ids=str)
def test_logistic_regression_has_the_coefficients_of_scikit_learn(name):
    from sklearn.linear_model import LogisticRegression

    exact = LogisticRegression(C=10.0, tol=1e-12, max_iter=10_000).fit(X, CLASSES)
    strength = {"L2": {"l2": 1 / (2 * 10.0 * len(X))}}
    model = net(
        Dense(3, "softmax", kernel_regularizer=strength), optimizer=name, loss="sparse_categorical_crossentropy"
    )
    model.fit(X, CLASSES, epochs=300, verbose=0)
    kernel = model.layers[-1].kernel.value
    np.testing.assert_allclose((kernel - kernel.mean(axis=1, keepdims=True)).T, exact.coef_, atol=1e-5)


@pytest.mark.parametrize("name", EVERY)
def test_the_loop_works_as_with_epochs(name, tmp_path):
    model = net(optimizer=name, dtype="float32", metrics=["mae"])
    stop = EarlyStopping("val_loss", patience=30, restore_best_weights=True)
    smooth = np.sin(X[:, :1]) + X[:, 1:2]
    history = model.fit(X, smooth, epochs=40, validation_split=0.3, callbacks=[stop], verbose=0)
    logs = history.history
    assert {"loss", "mae", "val_loss", "val_mae", *model.optimizer.log_names} == set(logs)
    assert len({len(values) for values in logs.values()}) == 1
    assert logs["loss"][-1] < 0.2 * logs["loss"][0]
    assert name == "BayesianRegularization" or all(np.diff(logs["loss"]) <= 1e-12)


def test_the_loss_of_an_epoch_is_that_of_its_weights():
    model = net(optimizer="LevenbergMarquardt", metrics=["mae"])
    for _ in range(4):
        logs = model.fit(X, Y, epochs=1, verbose=0).history
        assert model.evaluate(X, Y, verbose=0) == pytest.approx([logs["loss"][0], logs["mae"][0]], rel=1e-12)
    loss = model.train_on_batch(X, Y)
    assert loss == pytest.approx(model.evaluate(X, Y, verbose=0), rel=1e-12)


@pytest.mark.parametrize("name", EVERY)
def test_a_training_that_goes_on_is_the_one_that_was_not_interrupted(name, tmp_path):
    def train(epochs, **more):
        model = net(optimizer=name, dtype="float32", metrics=["mae"])
        history = model.fit(X, Y, epochs=epochs, validation_split=0.3, verbose=0, **more).history
        return model, history

    model, logs = train(8)
    train(4, callbacks=[Checkpoints(tmp_path)])
    again, rest = train(8, callbacks=[Checkpoints(tmp_path)], resume=tmp_path)
    for one, other in zip(model.get_weights(), again.get_weights(), strict=True):
        np.testing.assert_array_equal(one, other)
    assert rest["loss"][-1] == logs["loss"][-1]


@pytest.mark.parametrize("optimizer", [*EVERY, LBFGS(memory=4)], ids=str)
def test_saved_and_loaded_it_trains_on(optimizer, tmp_path):
    from nnlite import load_model

    model = net(optimizer=optimizer, dtype="float32")
    model.fit(X, Y, epochs=5, verbose=0)
    model.save(tmp_path / "model.safetensors")
    again = load_model(tmp_path / "model.safetensors")
    for one in (model, again):
        one.fit(X, Y, epochs=3, verbose=0)
    np.testing.assert_array_equal(model.layers[-1].kernel.value, again.layers[-1].kernel.value)


def test_reasons_to_end(capsys):
    model = net(optimizer=LevenbergMarquardt(goal=0.05))
    logs = model.fit(X, Y, epochs=100, verbose=2).history
    assert model.optimizer.stop_reason == "performance goal met" and logs["loss"][-2] > 0.05 >= logs["loss"][-1]
    assert "LevenbergMarquardt: performance goal met" in capsys.readouterr().out
    model = net(optimizer=LevenbergMarquardt(time=1e-9))
    assert len(model.fit(X, Y, epochs=100, verbose=0).history["loss"]) == 1
    assert model.optimizer.stop_reason == "maximum time elapsed"
    model = net(optimizer="LBFGS")
    model.fit(X, Y, epochs=2, verbose=0)
    assert model.optimizer.stop_reason == "maximum epoch reached"


def test_a_singular_matrix_is_said_once_by_models_and_estimators():
    twice = X[:30, [0, 1, 1]]  # columns that repeat one another: weights that no row tells apart
    for seed in range(8):
        model = Sequential([Input((3,)), Dense(2, "tanh"), Dense(1)], seed=seed)
        model.compile(LevenbergMarquardt(mu=1e-300), "mse")
        estimator = NNRegressor((2,), activation="tanh", optimizer=LevenbergMarquardt(mu=1e-300), random_state=seed)
        for train in (
            lambda model=model: model.fit(twice, Y[:30], epochs=5, verbose=0),
            lambda estimator=estimator: estimator.set_params(epochs=5).fit(twice, Y[:30, 0]),
        ):
            with pytest.warns(TrainingWarning, match="J'J is singular with the damping mu = 1e-300") as warned:
                train()
            assert len(warned) == 1


@pytest.mark.parametrize("optimizer", ["GaussNewton", "LBFGS", "NewtonCG"])
def test_a_loss_below_0_is_no_reason_to_end(optimizer):
    model = net(Dense(6, "tanh"), Dense(2), optimizer=optimizer, loss="cosine_similarity")
    losses = model.fit(X, np.hstack([Y, X[:, :1]]), epochs=25, verbose=0).history["loss"]
    assert losses[-1] < min(losses[0], 0)
    assert len(losses) > 5
    assert model.optimizer.stop_reason in ("maximum epoch reached", "minimum gradient reached")


def test_validation_stop_gives_the_best_weights_back():
    noise = RANDOM.normal(size=(40, 1))
    model = net(Dense(12, "tanh"), Dense(1), optimizer=LevenbergMarquardt(max_fail=4))
    held = (X[40:80], RANDOM.normal(size=(40, 1)))
    logs = model.fit(X[:40], noise, epochs=200, validation_data=held, verbose=0).history
    assert model.optimizer.stop_reason == "validation stop"
    assert int(np.argmin(logs["val_loss"])) == len(logs["val_loss"]) - 5
    assert model.evaluate(*held, verbose=0) == pytest.approx(min(logs["val_loss"]), rel=1e-9)


def test_several_outputs_with_losses_of_their_own():
    inputs = Input((3,))
    hidden = Dense(4, "tanh")(inputs)
    model = Model(inputs, [Dense(1, name="a")(hidden), Dense(3, "softmax", name="b")(hidden)], seed=0)
    for name in ("LBFGS", "NewtonCG", "GaussNewton"):
        model.compile(name, ["mse", "sparse_categorical_crossentropy"])
        losses = model.fit(X, [Y, CLASSES], epochs=10, verbose=0).history["loss"]
        assert losses[-1] < losses[0]
    with pytest.raises(ConfigError, match="a model of one output, or a graph of layers"):
        next(each_output(None, OutputCurvature([None], [1.0]), None))


@pytest.mark.parametrize("name", EVERY)
@pytest.mark.parametrize(
    "layers, arguments, message",
    [
        ((), {"batch_size": 32}, "fit.batch_size: {} takes all 150 rows at once, batch_size is 32: leave it out"),
        ((Dropout(0.5), Dense(1)), {}, "{} needs a loss without chance, and .*[Dd]ropout.* draws at random"),
        ((Dense(2, kernel_constraint="non_neg"), Dense(1)), {}, "{} takes no constraints, and 'kernel' has one"),
        ((Dense(2, activity_regularizer={"L2": {"l2": 0.1}}), Dense(1)), {}, "{} does not support activity penalties"),
    ],
)
def test_what_cannot_be_trained_is_refused(name, layers, arguments, message):
    with pytest.raises(ConfigError, match=message.format(name)):
        net(*layers, optimizer=name).fit(X, Y, verbose=0, **arguments)


class Halves(Model):
    def __init__(self, *layers):
        super().__init__()
        self.one, self.other = layers

    def call(self, inputs):
        return self.other(self.one(inputs))


@pytest.mark.parametrize("noise", [0.0, 0.1])
def test_a_model_that_draws_itself_is_refused_and_one_that_only_asks_is_not(noise):
    class Noisy(Halves):
        def call(self, inputs, training=False, random=None):
            hidden = super().call(inputs)
            return hidden if random is None or not noise else hidden + noise * random.generator("noise").normal()

    model = Noisy(Dense(4), Dense(1))
    model.compile("LBFGS", "mse")
    if not noise:
        losses = model.fit(X, Y, epochs=3, verbose=0).history["loss"]
        assert losses[-1] < losses[0]
        return
    with pytest.raises(ConfigError, match="needs a loss without chance, and the model draws at random"):
        model.fit(X, Y, verbose=0)


@pytest.mark.parametrize("wrap", [Sequential, lambda layers: Halves(*layers), lambda layers: drawn(*layers)])
def test_a_model_inside_is_asked_for_chance_by_its_layers(wrap):
    losses = net(wrap([Dense(4, activation="tanh"), Dense(2)]), Dense(1)).fit(X, Y, epochs=3, verbose=0).history["loss"]
    assert losses[-1] < losses[0]
    with pytest.raises(ConfigError, match=r"needs a loss without chance, and model '.*' draws at random"):
        net(wrap([Dense(4), Dropout(0.5)]), Dense(1)).fit(X, Y, verbose=0)


WORDS = X.reshape(-1, 3, 1)


@pytest.mark.parametrize(
    "layer, chance",
    [
        (lambda rate: LSTM(3, dropout=rate), "lstm"),
        (lambda rate: GRU(3, recurrent_dropout=rate, seed=5), "gru"),
        (lambda rate: RNN(SimpleRNNCell(3, dropout=rate)), "rnn"),
        (lambda rate: Bidirectional(LSTM(3, dropout=rate)), "bidirectional"),
        (lambda rate: TimeDistributed(Dropout(rate)), "time_distributed_1"),
        (lambda rate: TimeDistributed(Sequential([Dense(2), Dropout(rate, seed=1)])), "time_distributed_1"),
        (lambda rate: GaussianNoise(rate), "gaussian_noise"),
    ],
)
def test_a_layer_that_could_draw_is_refused_only_where_it_does(layer, chance):
    def built(rate):
        model = Sequential(
            [Input((3, 1)), TimeDistributed(Dense(2, "tanh")), layer(rate), Flatten(), Dense(1)],
            seed=0,
            dtype="float64",
        )
        model.compile("LBFGS", "mse")
        return model

    losses = built(0.0).fit(WORDS, Y, epochs=4, verbose=0).history["loss"]
    assert losses[-1] < losses[0]
    with pytest.raises(ConfigError, match=f"needs a loss without chance, and layer '{chance}'.* draws at random"):
        built(0.3).fit(WORDS, Y, verbose=0)


def test_in_a_graph_the_layer_that_draws_is_named():
    inputs = Input((3, 1))
    attended = MultiHeadAttention(1, 2)(inputs, inputs)
    hidden = Concatenate()([LSTM(2)(attended), Flatten()(Dropout(0.3, name="gaps")(inputs))])
    model = Model(inputs, Dense(1)(hidden), dtype="float64")
    model.compile("NewtonCG", "mse")
    with pytest.raises(ConfigError, match=r"and layer 'gaps' \(Dropout\) draws at random"):
        model.fit(WORDS, Y, verbose=0)


def drawn(*layers):
    inputs = Input((3,))
    return Model(inputs, layers[1](layers[0](inputs)))


def test_batches_other_losses_and_large_models_are_refused():
    with pytest.raises(ConfigError, match="LBFGS takes all rows at once: pass arrays"):
        net().fit([(X, Y)], verbose=0)
    for name in ("LevenbergMarquardt", "BayesianRegularization"):
        model = net(*softmax(), optimizer=name, loss="sparse_categorical_crossentropy")
        with pytest.raises(ConfigError, match=f"{name} needs a sum of squared errors, which Sparse.*GaussNewton"):
            model.fit(X, CLASSES, verbose=0)
    with pytest.raises(ConfigError, match=r"31 of them take 7\.51 KiB, and at most 30 are allowed"):
        net(optimizer=LevenbergMarquardt(max_parameters=30)).fit(X, Y, verbose=0)
    frozen = net()
    frozen.layers[0].trainable = frozen.layers[1].trainable = False
    frozen.compile(NewtonCG(), "mse")
    with pytest.raises(ConfigError, match="NewtonCG: the model has no trainable weights"):
        frozen.fit(X, Y, verbose=0)


def test_estimators_train_by_them():
    smooth = NNRegressor(
        hidden_layer_sizes=(10,), optimizer="LevenbergMarquardt", epochs=60, early_stopping=False, random_state=0
    )
    target = np.sin(X[:, 0]) + X[:, 1]
    assert smooth.fit(X, target).score(X, target) > 0.999
    assert smooth.n_members_ == 1 and not hasattr(smooth, "partial_fit")
    classes = NNClassifier(
        hidden_layer_sizes=(8,),
        optimizer={"GaussNewton": {"mu": 0.01}},
        epochs=30,
        early_stopping=False,
        random_state=0,
    )
    assert classes.fit(X, CLASSES).score(X, CLASSES) > 0.8
    with pytest.raises(ConfigError, match="optimizer='LevenbergMarquardt' trains a single network"):
        NNRegressor(optimizer="LevenbergMarquardt", n_members=3).fit(X, target)


@pytest.mark.parametrize("optimizer", ["LBFGS", "NewtonCG", "LevenbergMarquardt"])
def test_slots_that_are_no_arrays_of_parameters_are_not_among_the_variables(optimizer):
    model = net(optimizer=optimizer)
    model.fit(X, Y, epochs=2, verbose=0)
    assert [variable.name for variable in model.optimizer.variables] == ["iteration", "learning_rate"]
    assert int(model.optimizer.get_weights()[0]) == model.optimizer.iterations == 2


def test_outputs_are_those_of_the_weights_where_no_step_was_taken(monkeypatch):
    model = net(optimizer="NewtonCG", metrics=["mae"])
    model.fit(X, Y, epochs=3, verbose=0)
    monkeypatch.setattr(NewtonCG, "step", nowhere)
    logs = model.fit(X, Y, epochs=1, verbose=0).history
    assert model.evaluate(X, Y, verbose=0) == pytest.approx([logs["loss"][0], logs["mae"][0]], rel=1e-12)


def nowhere(self, whole, point):
    """A step that looks around and stays."""
    value, gradient = whole.gradient(point)
    whole.value(point - 0.1 * gradient)
    self.logs, self.stop_reason = dict.fromkeys(self.log_names, 0.0), "no step lowers the loss"
    return point, value


@pytest.mark.parametrize(
    "callback", [LearningRateScheduler(lambda epoch: 0.1), ReduceLROnPlateau(monitor="loss", patience=1, min_delta=9)]
)
def test_callbacks_that_set_the_learning_rate_are_refused(callback):
    model = Sequential([Input((1,)), Dense(3, "tanh"), Dense(1)], seed=0)
    model.compile("LBFGS", "mse")
    x = np.linspace(-1, 1, 20)[:, None]
    with pytest.raises(ConfigError, match=r"LBFGS.learning_rate: must be 1: .* callbacks cannot set it"):
        model.fit(x, x**2, epochs=5, verbose=0, callbacks=[callback])
