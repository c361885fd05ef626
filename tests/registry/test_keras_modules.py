"""What Keras's modules and classes have: serialize and deserialize, arguments by position, custom objects."""

import inspect
import threading

import numpy as np
import pytest

from nnlite import (
    activations,
    dtype_policies,
    initializers,
    layers,
    losses,
    metrics,
    ops,
    optimizers,
    regularizers,
    saving,
)
from nnlite.errors import ConfigError, ShapeError, WrongTypeError
from nnlite.optimizers import schedules
from nnlite.registry import register_function


@pytest.mark.parametrize(
    ("loss", "expected"),
    [
        (losses.MeanSquaredError("sum", "squares"), ("sum", "squares")),
        (losses.Huber(0.5, "none"), ("none", "huber_loss")),
        (losses.BinaryCrossentropy(False, 0.1, -1, "sum", "own"), ("sum", "own")),
        (losses.SparseCategoricalCrossentropy(True, None, "sum"), ("sum", "sparse_categorical_crossentropy")),
        (losses.Dice("sum", "own", 1), ("sum", "own")),
        (losses.Tversky(0.3, 0.7, "none"), ("none", "tversky")),
    ],
)
def test_losses_take_reduction_and_name_by_position(loss, expected):
    assert (loss.reduction, loss.name) == expected


def test_too_many_and_doubled_arguments_are_type_errors():
    with pytest.raises(TypeError, match="takes 3 arguments by position"):
        losses.MeanSquaredError("sum", "name", "float64", 1)
    with pytest.raises(TypeError, match="two values for 'reduction'"):
        losses.MeanSquaredError("sum", reduction="sum")


def test_schedules_and_variance_scaling_take_their_last_arguments_by_position():
    schedule = schedules.ExponentialDecay(0.1, 5, 0.5, True, "own")
    assert schedule.name == "own" and schedule(7) == pytest.approx(0.05)
    scaling = initializers.VarianceScaling(2.0, "fan_out", "uniform", 3)
    assert scaling.get_config()["seed"] == 3
    np.testing.assert_array_equal(scaling((3, 4)), scaling.clone()((3, 4)))


class DoubledCrossentropy(losses.BinaryCrossentropy):
    def call(self, y_true, y_pred):
        return 2 * super().call(y_true, y_pred)


def test_a_loss_may_use_the_call_of_the_class_it_is_derived_from():
    plain, doubled = losses.BinaryCrossentropy(), DoubledCrossentropy()
    y, p = np.array([[1.0, 0.0], [0.0, 1.0]]), np.array([[0.7, 0.4], [0.2, 0.6]])
    assert doubled.forward(y, p) == pytest.approx(2 * plain.forward(y, p))
    np.testing.assert_allclose(doubled.backward(), 2 * plain.backward())
    np.testing.assert_allclose(plain.call(y, p), losses.binary_crossentropy(y, p))
    with pytest.raises(NotImplementedError, match="must define call or per_row"):
        type("Empty", (losses.Loss,), {})()(y, p)


def test_functions_of_losses_name_their_arguments():
    assert [*inspect.signature(losses.huber).parameters] == ["y_true", "y_pred", "delta"]
    assert [*inspect.signature(losses.mean_squared_error).parameters] == ["y_true", "y_pred"]
    y, p = np.array([[1.0, 0.0]]), np.array([[0.7, 0.4]])
    focal = losses.BinaryFocalCrossentropy(reduction="none")
    np.testing.assert_array_equal(metrics.binary_focal_crossentropy(y, p), focal(y, p))


def test_layers_go_to_plain_values_and_back():
    layer = layers.Dense(3, activation="relu", name="own")
    written = layers.serialize(layer)
    assert written["class_name"] == "Dense" and written["config"]["units"] == 3
    assert layers.deserialize(written).get_config() == layer.get_config()

    class Wide(layers.Layer):
        pass

    assert isinstance(layers.deserialize({"class_name": "Broad", "config": {}}, {"Broad": Wide}), Wide)
    with pytest.raises(ConfigError, match="unknown layer 'Broad'"):
        layers.deserialize({"class_name": "Broad", "config": {}})


@pytest.mark.parametrize("base", [losses.Huber, losses.MeanSquaredError, metrics.Accuracy, metrics.F1Score])
def test_subclasses_are_called_as_what_they_derive_from(base):
    made = type("NamedAfterItsBase", (base,), {})()
    assert made.name == base().name and repr(made) == "NamedAfterItsBase()"
    for other in (metrics.Average, metrics.Recall, metrics.AUC, optimizers.SGD):
        assert type("NamedByItself", (other,), {})().name == "named_by_itself"


def test_objects_of_all_families_go_to_plain_values_and_back():
    objects = [
        layers.Identity(), initializers.Identity(2.0), losses.Poisson(), metrics.Poisson(), optimizers.Adam(0.5),
        regularizers.L2(0.1), schedules.CosineDecay(0.1, 3),
    ]  # fmt: skip
    written = saving.serialize_keras_object({"all": objects, "number": 3})
    read = saving.deserialize_keras_object(written)
    assert read["number"] == 3 and [type(item) for item in read["all"]] == [type(item) for item in objects]
    assert [item.get_config() for item in read["all"]] == [item.get_config() for item in objects]
    of_keras = {"module": "keras.losses", "class_name": "Poisson", "config": {"reduction": "sum"}}
    assert saving.deserialize_keras_object(of_keras).reduction == "sum"
    assert isinstance(saving.deserialize_keras_object({"class_name": "Adam", "config": {}}), optimizers.Adam)
    activation = saving.deserialize_keras_object(saving.serialize_keras_object(ops.ReLU(threshold=0.5)))
    assert type(activation) is ops.ReLU and activation.threshold == 0.5  # not the layer of that name
    policy = saving.serialize_keras_object(dtype_policies.DTypePolicy("float16"))
    assert (policy["module"], policy["registered_name"]) == ("keras", None)
    assert saving.deserialize_keras_object(policy).name == "float16"


def test_functions_of_one_name_are_told_apart_by_their_packages():
    for package in ("first", "second"):

        @saving.register_keras_serializable(package)
        def twice_packaged(x):
            return x * 2

        assert saving.serialize_keras_object(twice_packaged)["config"] == f"{package}>twice_packaged"
        assert saving.deserialize_keras_object(saving.serialize_keras_object(twice_packaged)) is twice_packaged


def test_registered_functions_go_to_plain_values_and_others_do_not():
    @register_function
    def serialized_square(x):
        return ops.square(x)

    assert saving.deserialize_keras_object(saving.serialize_keras_object(serialized_square)) is serialized_square
    with pytest.raises(WrongTypeError, match="cannot be made a plain value"):
        saving.serialize_keras_object(object())
    with pytest.raises(ConfigError, match="unknown class 'Nowhere': none of the layers, losses"):
        saving.deserialize_keras_object({"class_name": "Nowhere", "config": {}})


def test_a_scope_of_custom_objects_is_that_of_its_thread():
    entered, leave, seen = threading.Event(), threading.Event(), []

    def hold():
        with saving.custom_object_scope({"HeldByAThread": layers.Dense}):
            seen.append(saving.get_registered_object("HeldByAThread"))
            entered.set()
            leave.wait(10)

    thread = threading.Thread(target=hold)
    thread.start()
    assert entered.wait(10)
    with saving.custom_object_scope({"Own": layers.Dense}):
        assert saving.get_registered_object("HeldByAThread") is None
        leave.set()
        thread.join()
        assert saving.get_registered_object("Own") is layers.Dense  # the other scope has ended meanwhile
    assert seen == [layers.Dense] and saving.get_registered_object("Own") is None


def test_metrics_are_logged_under_the_names_that_keras_gives_them():
    assert metrics.FBetaScore().name == "fbeta_score" and metrics.F1Score().name == "f1_score"
    assert metrics.LogCoshError().name == "logcosh" and metrics.LogCoshError(name="own").name == "own"


@pytest.mark.parametrize("metric", [metrics.BinaryAccuracy(), metrics.AUC(), metrics.F1Score(), metrics.MeanIoU(2),
    metrics.Precision(), metrics.TruePositives(), metrics.R2Score(dtype="float64")])  # fmt: skip
def test_stateless_updates_leave_a_metric_as_it_is(metric):
    y, p = np.array([[1, 0], [0, 1], [1, 1]]), np.array([[0.7, 0.4], [0.2, 0.6], [0.1, 0.2]])
    p = p.round() if isinstance(metric, metrics.MeanIoU) else p
    before = metric.result()
    first = metric.stateless_update_state(metric.variables, y[:2], p[:2])
    second = metric.stateless_update_state(first, y[2:], p[2:])
    found = metric.stateless_result(second)
    np.testing.assert_array_equal(metric.result(), before)
    metric.update_state(y, p)
    np.testing.assert_allclose(found, metric.result())
    empty = metric.stateless_reset_state()
    assert len(empty) == len(metric.variables) and not any(map(np.any, empty))
    with pytest.raises(ShapeError, match="variables, got"):
        metric.stateless_result([])


def test_variables_of_metrics_have_names():
    class Total(metrics.Metric):
        def __init__(self):
            super().__init__()
            self.total = self.add_variable((), name="sum_of_all")

        def update_state(self, y_true, y_pred, sample_weight=None):
            self.total.assign_add(float(np.sum(y_pred)))

        def result(self):
            return self.total

    metric = Total()
    assert [one.name for one in metric.variables] == ["sum_of_all"]
    assert [one.name for one in metrics.Mean().variables] == ["total", "count"]
    state = metric.stateless_update_state([np.array(2.0)], 0, [1.0, 4.0])
    assert state[0] == 7 and metric.result() == 0 and metric.stateless_result(state) == 7


def test_optimizers_say_which_argument_they_do_not_take():
    for kind in (TypeError, ValueError):
        with pytest.raises(kind, match="Adam: unknown argument 'lr'"):
            optimizers.Adam(lr=0.1)
    with pytest.warns(UserWarning, match="SGD: decay is passed over"):
        assert optimizers.SGD(0.5, decay=0.1).get_config() == optimizers.SGD(0.5).get_config()


def test_objects_are_written_as_keras_writes_them():
    class Further(losses.MeanSquaredError):
        pass

    config = {"reduction": "sum_over_batch_size", "name": "huber_loss", "delta": 2.0}
    of_keras = {"module": "keras.losses", "class_name": "Huber", "config": config, "registered_name": None}
    assert losses.serialize(losses.Huber(2.0)) == saving.serialize_keras_object(losses.Huber(2.0)) == of_keras
    assert schedules.serialize(schedules.CosineDecay(0.1, 5))["module"] == "keras.optimizers.schedules"
    written = losses.serialize(Further())
    assert (written["module"], written["registered_name"]) == (__name__, "Further")
    assert type(losses.deserialize(written)) is Further
    function = {"module": "builtins", "class_name": "function", "config": "huber", "registered_name": "function"}
    assert losses.serialize(losses.huber) == function and losses.deserialize(function) is losses.huber


def test_names_of_functions_give_functions_and_names_of_classes_objects():
    def plain(y_true, y_pred):
        return y_true - y_pred

    assert losses.get("mse") is losses.get("MSE") is losses.get("mean_squared_error") is losses.mean_squared_error
    assert isinstance(losses.get("MeanSquaredError"), losses.MeanSquaredError)
    assert isinstance(losses.get("CTC"), losses.CTC) and losses.get("ctc") is losses.ctc
    for module in (losses, metrics, initializers, regularizers):
        assert module.get(plain) is plain
    assert isinstance(metrics.get("mse"), metrics.MeanSquaredError) and metrics.get("mse").name == "mean_squared_error"


def test_losses_and_schedules_have_names_by_default_and_show_only_others():
    assert (losses.Huber().name, losses.KLDivergence().name) == ("huber_loss", "kl_divergence")
    assert (repr(losses.Huber()), repr(losses.Huber(name="own"))) == ("Huber()", "Huber(name='own')")
    named = [schedules.ExponentialDecay(0.1, 5, 0.5), schedules.CosineDecayRestarts(0.1, 3),
             schedules.PiecewiseConstantDecay([1], [1.0, 0.5])]  # fmt: skip
    assert [schedule.name for schedule in named] == ["ExponentialDecay", "SGDRDecay", "PiecewiseConstant"]
    schedule = schedules.CosineDecay(0.1, 5, 0.2, "own", 0.5, 2)
    assert (schedule.name, schedule.warmup_target, schedule.warmup_steps) == ("own", 0.5, 2)


def test_variables_of_metrics_are_those_of_keras_in_its_types():
    listed = {
        metrics.MeanSquaredError(): [("total", "float32"), ("count", "float32")],
        metrics.Mean(dtype="float64"): [("total", "float64"), ("count", "float64")],
        metrics.TruePositives(): [("accumulator", "float32")],
        metrics.Recall(): [("true_positives", "float32"), ("false_negatives", "float32")],
        metrics.MeanIoU(2): [("total_confusion_matrix", "int32")],
        metrics.Mean(dtype="float16"): [("total", "float16"), ("count", "float16")],
    }
    for metric, expected in listed.items():
        assert [(one.name, one.dtype.name) for one in metric.variables] == expected, metric
    assert (metrics.Mean().dtype, metrics.IoU(2, [0]).dtype, repr(metrics.Mean())) == ("float32", "int32", "Mean()")
    weighted = metrics.MeanIoU(2)
    weighted.update_state([0, 1], [0, 1], [0.5, 0.25])
    np.testing.assert_array_equal(weighted.variables[0], [[0.5, 0], [0, 0.25]])  # not cut to whole numbers


def test_circle_makes_pairs_with_other_embeddings():
    labels, embeddings = np.array([0, 1, 0]), np.array([[1.0, 0.0], [0.6, 0.8], [0.0, 1.0]])
    others = np.array([0, 0, 1, 1]), np.array([[0.8, 0.6], [0.0, 1.0], [1.0, 0.0], [0.6, 0.8]])
    apart = np.maximum(1 - embeddings @ others[1].T, 0)
    alike = labels[:, None] == others[0]
    near, far = np.exp(-2 * (0.3 + apart) * (0.3 - apart)), np.exp(2 * np.maximum(1.3 - apart, 0) * (0.7 - apart))
    expected = np.log1p((near * alike).sum(1) * (far * ~alike).sum(1))
    given = {"ref_labels": others[0], "ref_embeddings": others[1], "remove_diagonal": False}
    np.testing.assert_allclose(losses.circle(labels, embeddings, **given, gamma=2.0, margin=0.3), expected, rtol=1e-12)
    np.testing.assert_allclose(
        losses.circle(labels, embeddings, gamma=2.0), losses.Circle(2.0, reduction="none")(labels, embeddings)
    )


def test_one_row_of_a_metric_is_a_sample_where_rows_are_compared():
    y, p = np.array([0.0, 0.0, 1.0, 0.0]), np.array([0.1, 0.2, 0.6, 0.1])
    for metric in (metrics.CategoricalHinge, metrics.KLDivergence, metrics.CategoricalCrossentropy,
                   metrics.CategoricalAccuracy, metrics.PearsonCorrelation):  # fmt: skip
        assert metric()(y, p) == pytest.approx(metric()(y[None], p[None]), rel=1e-14)
    ignored = metrics.SparseCategoricalCrossentropy(ignore_class=1)
    assert ignored([0, 1], [[0.5, 0.5], [0.5, 0.5]]) == pytest.approx(-np.log(0.5) / 2)
    ranked = np.array([[2, 0, 1], [1, 2, 0]])
    np.testing.assert_array_equal(metrics.sparse_top_k_categorical_accuracy([0, 0], ranked, 2, True), [1, 0])


def test_arrays_slices_and_objects_with_a_config_go_to_plain_values_and_back():
    @saving.register_keras_serializable(package="kept")
    class Kept:
        def __init__(self, size=1):
            self.size = size

        def get_config(self):
            return {"size": self.size}

        @classmethod
        def from_config(cls, config):
            return cls(**config)

    written = saving.serialize_keras_object([np.array([1.5, 2.0]), slice(1, 5, 2), ..., np.float32(2), Kept(4)])
    assert written[0] == {"class_name": "__numpy__", "config": {"value": [1.5, 2.0], "dtype": "float64"}}
    assert written[4]["registered_name"] == "kept>Kept" and written[4]["config"] == {"size": 4}
    array, part, rest, number, kept = saving.deserialize_keras_object(written)
    np.testing.assert_array_equal(array, [1.5, 2.0])
    assert (array.dtype, part, rest, number, kept.size) == (np.float64, slice(1, 5, 2), ..., 2.0, 4)


def test_functions_of_the_modules_go_to_their_names_and_back():
    for function in (activations.relu, losses.mean_squared_error):
        assert saving.deserialize_keras_object(saving.serialize_keras_object(function)) is function

    def tripled(x):
        return 3 * x

    written = activations.serialize(tripled)
    assert written == {"module": "builtins", "class_name": "function", "config": "tripled",
                       "registered_name": "function"}  # fmt: skip
    assert activations.deserialize(written, custom_objects={"tripled": tripled}) is tripled
    assert activations.get({"class_name": "function", "config": "selu"}) is activations.selu


def test_unknown_names_are_errors_of_the_value_and_of_the_type():
    for read in (losses.get, optimizers.get, activations.get, initializers.get, saving.deserialize_keras_object):
        for kind in (TypeError, ValueError):
            with pytest.raises(kind, match="Nowhere"):
                read({"class_name": "Nowhere", "config": {}})


def test_initializers_of_fans_take_axes_and_the_older_name_of_the_truncated_normal():
    assert initializers.GlorotUniform().get_config() == {"seed": None, "input_axes": None, "output_axes": None}
    turned = initializers.HeUniform(3, input_axes=1)((4, 1000))
    assert np.abs(turned).max() <= np.sqrt(6 / 1000)
    assert initializers.VarianceScaling(distribution="normal").distribution == "truncated_normal"


def test_boundaries_of_a_piecewise_constant_may_lie_between_steps():
    schedule = schedules.PiecewiseConstantDecay([1.5, 2.5], [1.0, 0.5, 0.1])
    assert [schedule(step) for step in range(4)] == [1.0, 1.0, 0.5, 0.1]
    assert schedules.PiecewiseConstantDecay([1, 2], [1.0, 0.5, 0.1]).get_config()["boundaries"] == [1, 2]


@pytest.mark.parametrize("kind", [metrics.R2Score, metrics.F1Score])
def test_states_whose_shape_the_first_batch_gives_are_taken_up(kind):
    y, p = np.array([[1.0, 0.0], [0.0, 1.0], [1.0, 1.0]]), np.array([[0.7, 0.4], [0.2, 0.6], [0.1, 0.2]])
    first, second = kind(), kind()
    first.update_state(y, p)
    second.set_state(first.get_state())
    np.testing.assert_array_equal(second.result(), first.result())


def test_initializers_and_regularizers_of_users_write_call_as_with_keras():
    class Threes(initializers.Initializer):
        def __call__(self, shape, dtype=None):
            return ops.multiply(np.ones(shape, dtype), 3)

    class Sizes(regularizers.Regularizer):
        def __call__(self, x):
            return 0.5 * ops.sum(ops.square(x))

    layer = layers.Dense(2, kernel_initializer=Threes(), kernel_regularizer=Sizes())
    layer.build((None, 3))
    np.testing.assert_array_equal(layer.kernel.value, np.full((3, 2), 3.0))
    assert Sizes().penalty(np.array([1.0, 2.0])) == 2.5
    gradient = np.zeros(2)
    Sizes().add_gradient(np.array([1.0, 2.0]), gradient)
    np.testing.assert_array_equal(gradient, [1.0, 2.0])
    assert regularizers.Regularizer()(np.ones(2)) == 0.0  # as in Keras


def test_what_initializers_of_users_return_is_checked():
    class Flat(initializers.Initializer):
        def __call__(self, shape, dtype=None):
            return np.ones(3)

    class Untyped(initializers.Initializer):
        def __call__(self, shape):
            return np.ones(shape)

    with pytest.raises(ShapeError, match=r"Flat\(\) must return values of the shape \(3, 2\), got \(3,\)"):
        layers.Dense(2, kernel_initializer=Flat()).build((None, 3))
    values = Untyped()((3, 2), dtype="float32")
    assert values.dtype == "float32" and values.shape == (3, 2)


def test_metrics_within_a_metric_are_reset_with_it():
    class Outer(metrics.Metric):
        def __init__(self):
            super().__init__(name="outer")
            self.inner = metrics.Mean()

        def update_state(self, y_true, y_pred, sample_weight=None):
            self.inner.update_state(y_pred)

        def result(self):
            return self.inner.result()

    metric = Outer()
    metric.update_state(0, 3.0)
    assert metric.result() == 3.0
    metric.reset_state()
    assert metric.result() == 0.0


def test_a_function_registered_under_another_name_is_serialized_by_that_name():
    def quartered(x):
        return x / 4

    register_function(quartered, name="a quarter")
    for write, read in (
        (activations.serialize, activations.deserialize),
        (saving.serialize_keras_object, saving.deserialize_keras_object),
    ):
        assert read(write(quartered)) is quartered


def test_a_function_form_without_a_name_is_refused():
    for read in (activations.get, losses.get, ops.ActivationFunction.get):
        with pytest.raises(ConfigError):
            read({"class_name": "function"})


def test_a_scope_of_custom_objects_opens_as_context_and_as_decorator():
    outer = saving.CustomObjectScope({"outer": 1})
    with outer as scope, saving.custom_object_scope({"inner": 2}):
        assert scope is outer
        assert [saving.get_registered_object(name) for name in ("outer", "inner")] == [1, 2]
        with outer:
            assert saving.get_registered_object("inner") == 2
    assert [saving.get_registered_object(name) for name in ("outer", "inner")] == [None, None]

    @saving.custom_object_scope({"inner": 3})
    def looked_up():
        return saving.get_registered_object("inner")

    assert [looked_up(), looked_up(), saving.get_registered_object("inner")] == [3, 3, None]
