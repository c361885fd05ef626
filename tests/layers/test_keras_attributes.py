"""Attributes that Keras's layers show: arguments in one form, layers inside, what a built layer needs."""

import numpy as np
import pytest

import nnlite
from nnlite import Input, InputSpec, Model, layers
from nnlite.constraints import Constraint
from nnlite.regularizers import Regularizer


@pytest.mark.parametrize(
    ("layer", "name", "value"),
    [
        (layers.MaxPooling2D(3), "strides", (3, 3)),
        (layers.AveragePooling1D(3, 2), "strides", (2,)),
        (layers.ZeroPadding1D(2), "padding", (2, 2)),
        (layers.ZeroPadding2D((1, 2)), "padding", ((1, 1), (2, 2))),
        (layers.Cropping1D((1, 0)), "cropping", (1, 0)),
        (layers.Cropping3D(1), "cropping", ((1, 1), (1, 1), (1, 1))),
        (layers.UpSampling1D(3), "size", 3),
        (layers.EinsumDense("ab,bc->ac", 3), "partial_output_shape", (3,)),
        (layers.BatchNormalization(), "gamma", None),
        (layers.BatchNormalization(), "input_spec", None),
        (layers.Dense(1, dtype=np.float64), "dtype", "float64"),
        (layers.Dense(1, dtype=np.dtype("float32")), "dtype", "float32"),
    ],
)
def test_arguments_are_attributes_in_one_form(layer, name, value):
    assert getattr(layer, name) == value
    assert getattr(type(layer).from_config(layer.get_config()), name) == value


def test_configs_have_the_arguments_in_that_form():
    assert layers.UpSampling1D(3).get_config()["size"] == 3
    assert layers.MaxPooling2D(3).get_config()["strides"] == (3, 3)
    assert layers.MultiHeadAttention(2, 3).get_config()["value_dim"] == 3


def test_a_built_batch_normalization_says_what_it_takes():
    layer = layers.BatchNormalization(axis=1)
    layer.build((None, 3, 4))
    assert layer.input_spec == InputSpec(ndim=3, axes={1: 3})


def test_what_a_layer_was_built_for_has_the_batch_of_its_symbols():
    dense, add = layers.Dense(2), layers.Add()
    fixed = Input(batch_shape=(3, 4))
    add([dense(fixed), dense(fixed)])
    assert dense.get_build_config() == {"input_shape": (3, 4)}
    assert add.get_build_config() == {"input_shape": ((3, 2), (3, 2))}
    again = layers.deserialize(layers.serialize(dense))
    assert again.kernel.shape == (4, 2) and again(np.ones((5, 4))).shape == (5, 2)
    assert nnlite.saving.deserialize_keras_object(nnlite.saving.serialize_keras_object(dense)).built


class Parts(layers.Layer):
    """Only keeps layers and parameters: another layer uses them."""

    def __init__(self):
        super().__init__()
        self.first = layers.Dense(3)
        self.gain = self.add_weight((1,), "ones", name="gain")


class UserOfParts(layers.Layer):
    def __init__(self):
        super().__init__()
        self.block = Parts()

    def call(self, x):
        return self.block.first(x) * self.block.gain


def test_a_layer_without_call_keeps_layers_for_others():
    block = Parts()
    block.build((None, 4))
    assert block.built and len(block.weights) == 1
    block.first.build((None, 4))
    assert [weight.name for weight in block.weights] == ["gain", "kernel", "bias"] == _names(block.trainable_weights)
    with pytest.raises(NotImplementedError, match="must define call"):
        block(np.ones((1, 4)))


def test_layers_of_layers_are_used_and_trained_in_a_call():
    symbol = Input((4,))
    model = Model(symbol, UserOfParts()(symbol), seed=0)
    assert sorted(_names(model.trainable_weights)) == ["bias", "gain", "kernel"]
    model.compile("sgd", "mse")
    before = model.get_weights()
    model.fit(np.ones((2, 4)), np.ones((2, 3)), verbose=0)
    assert all((now != then).any() for now, then in zip(model.get_weights(), before, strict=True))


def test_weights_of_layers_inside_are_listed_before_the_layer_is_built():
    net, plain = UserOfParts(), layers.Layer()
    net.block.first(np.ones((1, 4)))
    assert _names(net.weights) == ["gain", "kernel", "bias"]
    plain.parts = {"a": layers.Dense(2), "b": [layers.Dense(1)]}
    plain.parts["b"][0](np.ones((1, 4)))
    assert _names(plain.weights) == _names(plain.trainable_weights) == ["kernel", "bias"]


def test_trainable_reaches_the_layers_inside_at_once():
    net = UserOfParts()
    net.trainable = False
    assert not net.block.trainable and not net.block.first.trainable and not net.block.gain.trainable
    net(np.ones((1, 4)))
    assert not net.trainable_weights and len(net.non_trainable_weights) == 3
    net.trainable = True
    assert len(net.trainable_weights) == 3


def _names(weights):
    return [weight.name for weight in weights]


def test_recurrent_layers_are_instances_of_rnn():
    cells, lstm = layers.RNN([layers.GRUCell(2)]), layers.LSTM(2)
    assert isinstance(lstm, layers.RNN) and isinstance(cells, layers.RNN) and issubclass(layers.GRU, layers.RNN)
    assert not isinstance(layers.Dense(2), layers.RNN)

    class FurtherRNN(layers.RNN):
        pass

    assert not isinstance(lstm, FurtherRNN) and isinstance(FurtherRNN(layers.GRUCell(2)), layers.RNN)


def test_base_classes_change_and_cost_nothing():
    values = np.array([-1.0, 2.0])
    assert Constraint()(values) is values and Regularizer()(values) == 0


def test_layers_as_activations_are_written_as_keras_does():
    form = nnlite.activations.serialize(layers.LeakyReLU(0.5))
    assert (form["class_name"], form["config"]["negative_slope"]) == ("LeakyReLU", 0.5)


@pytest.mark.parametrize("make", [lambda name: layers.Dense(1, name=name), lambda name: Input((1,), name=name)])
def test_names_have_no_slash(make):
    with pytest.raises(ValueError, match="'/' separates names in paths"):
        make("a/b")


def test_projections_of_attention_are_attributes():
    layer = layers.MultiHeadAttention(2, 3)
    assert (layer.value_dim, layer.output_dense.kernel) == (3, None)
    layer.build((None, 5, 4))
    parts = (layer.query_dense, layer.key_dense, layer.value_dense, layer.output_dense)
    assert [part.name for part in parts] == ["query", "key", "value", "attention_output"]
    assert layer.query_dense.kernel is layer.weights[0] and layer.output_dense.bias.shape == (4,)


def test_the_scale_of_attention_is_an_attribute():
    layer = layers.AdditiveAttention()
    layer.build([(None, 3, 4), (None, 5, 4)])
    assert layer.scale is layer.weights[0]
    plain = layers.Attention(score_mode="concat")
    plain.build([(None, 3, 4), (None, 5, 4)])
    assert plain.scale is None and plain.concat_score_weight is plain.weights[0]


def test_a_list_of_one_is_no_pair_of_sequences():
    with pytest.raises(ValueError, match="a list of one"):
        layers.Attention()([np.ones((2, 3, 4))])


def test_the_mask_of_compute_mask_has_two_names():
    mask, data = np.ones((2, 3), bool), np.ones((2, 3, 4))
    assert layers.Attention().compute_mask([data, data], mask=[mask, None]) is mask
    assert layers.Dropout(0.5).compute_mask(data, mask=mask) is mask


def test_a_table_given_to_an_embedding_builds_it():
    layer = layers.Embedding(2, 3, weights=[np.arange(6.0).reshape(2, 3)])
    assert layer.built and layer.embeddings.numpy()[1].tolist() == [3, 4, 5]


def test_a_layer_that_needs_no_building_has_no_path():
    relu, dense = layers.ReLU(name="a"), layers.Dense(1, name="b")
    dense(relu(np.ones((2, 3))))
    assert (relu.path, dense.path) == (None, "b")


def test_penalties_of_outputs_inside_a_layer_are_its_losses():
    class Twice(layers.Layer):
        def __init__(self):
            super().__init__()
            self.dense = layers.Dense(1, kernel_initializer="ones", activity_regularizer="l1")

        def call(self, inputs):
            return 2 * self.dense(inputs)

    layer = Twice()
    layer(np.ones((4, 3)))
    assert layer.losses == pytest.approx([0.03])


def test_a_bidirectional_layer_copies_the_one_it_is_given():
    given = layers.LSTM(2, name="mine")
    layer = layers.Bidirectional(given, name="both")
    layer(np.ones((1, 3, 4)))
    assert (given.name, given.built) == ("mine", False)
    assert layer.weights[0].path == "both/forward_mine/lstm_cell/kernel"


@pytest.mark.parametrize("usual", [None, False, True])
def test_a_call_that_is_told_nothing_of_training_has_its_default(usual):
    class Told(layers.Layer):
        def call(self, inputs, training=usual):
            self.told = training
            return inputs * (2 if training else 1)

    layer, rows = Told(), np.ones((2, 3))
    assert layer(rows)[0, 0] == (2 if usual else 1) and layer.told is usual
    assert layer(rows, training=False)[0, 0] == 1 and layer.told is False
    assert layer(rows, training=True)[0, 0] == 2 and layer.told is True


def test_last_axes_of_one_may_be_missing_where_a_requirement_says_so():
    layer = layers.Identity()
    layer.input_spec = InputSpec(shape=(None, 4, 1), allow_last_axis_squeeze=True)
    for shape in ((3, 4), (3, 4, 1), (3, 4, 1, 1)):
        assert layer(np.ones(shape)).shape == shape
    for shape in ((3, 5), (3, 4, 2), (3, 4, 1, 2)):
        with pytest.raises(ValueError, match="Identity needs inputs"):
            layer(np.ones(shape))


def test_layers_and_generators_are_listed_where_keras_lists_them():
    both = layers.Bidirectional(layers.LSTM(2, dropout=0.5))
    kinds = [type(layer).__name__ for layer in both._flatten_layers()]
    assert kinds == ["Bidirectional", "LSTM", "LSTMCell", "LSTM", "LSTMCell"]
    assert [len(layer._seed_generators) for layer in both._flatten_layers()] == [0, 0, 1, 0, 1]
    inside = layers.Dense(1)
    wrapped = nnlite.Sequential([layers.TimeDistributed(inside)])
    assert wrapped._flatten_layers(include_self=False)[1:] == [inside]
    assert wrapped._flatten_layers(include_self=False, recursive=False) == wrapped._layers == wrapped.layers


def test_a_layer_may_use_the_names_of_those_lists():
    class Listed(layers.Layer):
        def __init__(self):
            super().__init__()
            self._layers = [layers.Dense(2), layers.Dense(1)]

        def call(self, inputs):
            return self._layers[1](self._layers[0](inputs))

    assert Listed()(np.ones((3, 4))).shape == (3, 1)


def test_the_default_of_training_reaches_the_layers_inside():
    class Dropped(layers.Layer):
        def __init__(self):
            super().__init__()
            self.dropout, self.norm = layers.Dropout(0.5, seed=0), layers.BatchNormalization()

        def call(self, inputs, training=True):
            return self.norm(self.dropout(inputs))

    class Outer(layers.Layer):
        def __init__(self):
            super().__init__()
            self.inside = Dropped()

        def call(self, inputs):
            return self.inside(inputs)

    rows = np.ones((20, 10))
    alone = Dropped()
    for layer in (alone, Outer()):
        assert np.unique(layer(rows, training=False)).size == 1
        assert np.unique(layer(rows)).size > 1
    assert alone.norm.moving_mean.numpy().all()  # which training moves from zeros


def test_a_mask_is_asked_of_a_layer_inside_by_either_name():
    class Masked(layers.Layer):
        def __init__(self):
            super().__init__()
            self.dropout = layers.Dropout(0.5)

        def call(self, inputs, mask=None):
            kept = self.dropout.compute_mask(inputs, mask=mask)
            return inputs if kept is None else inputs * kept[..., None]

    assert Masked()(np.ones((1, 2, 3)), mask=np.array([[True, False]])).tolist() == [[[1] * 3, [0] * 3]]


def test_a_number_of_axes_is_required_where_last_ones_may_be_missing():
    layer = layers.Identity()
    layer.input_spec = InputSpec(ndim=2, allow_last_axis_squeeze=True)
    assert layer(np.ones((3, 1))).shape == (3, 1)


def test_a_bidirectional_layer_takes_a_subclass_without_a_name():
    class Named(layers.LSTM):
        def __init__(self, size, go_backwards=False):
            super().__init__(size, go_backwards=go_backwards)
            self.size = size

    layer = layers.Bidirectional(Named(2))
    assert layer(np.ones((1, 3, 4))).shape == (1, 4) and type(layer.forward_layer) is Named
