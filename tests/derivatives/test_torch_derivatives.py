"""Derivatives of whole nets against PyTorch in float64: gradients, per example, forward mode, second order."""

from typing import NamedTuple

import numpy as np
import pytest
from draws import stream

from nnlite import Input, Sequential, ops
from nnlite.layers import (
    BatchNormalization,
    Dense,
    Embedding,
    Flatten,
    Layer,
    LayerNormalization,
    Reshape,
)

torch = pytest.importorskip("torch")
F = torch.nn.functional
generator = np.random.default_rng(59)
NEAR = 1e-12


class TiedAutoEncoder(Layer):
    """A kernel that encodes and, transposed, decodes; its derivative is recorded."""

    def build(self, input_shape):
        self.kernel = self.add_weight((input_shape[-1], 3), name="kernel")
        self.bias = self.add_weight(input_shape[-1:], "zeros", name="bias")

    def call(self, inputs):
        return ops.gelu(inputs @ self.kernel, approximate=False) @ self.kernel.T + self.bias


class Net(NamedTuple):
    """Layers, loss and a batch; the same as functions of PyTorch: `outputs(x, *parameters)`, `loss(outputs, y)`."""

    name: str
    layers: list
    outputs: object
    loss: object
    torch_loss: object
    x: np.ndarray
    y: np.ndarray

    def __str__(self):
        return self.name


normal = stream(generator)


def tanh_net(x, w, b, v, c):
    return torch.tanh(x @ w + b) @ v + c


def relu_net(x, w, b, v, c, u, d):
    return F.relu(F.relu(x @ w + b) @ v + c) @ u + d


def normalized_net(x, w, b, gamma, beta, mean_gamma, mean_beta, mean, variance, v, c):
    hidden = F.layer_norm(F.gelu(x @ w + b), (6,), gamma, beta, eps=1e-3)
    return ((hidden - mean) / torch.sqrt(variance + 1e-3) * mean_gamma + mean_beta) @ v + c


def embedding_net(x, table, w, b, v, c):
    return F.silu(table[x].flatten(-2) @ w + b) @ v + c


def tied_net(x, kernel, bias, v, c):
    return (F.gelu(x @ kernel) @ kernel.T + bias) @ v + c


def sequence_net(x, w, b, v, c):
    return (F.softplus(x @ w + b).reshape(*x.shape[:-2], 3, 4)) @ v + c


def mean_squared(outputs, y):
    return ((outputs - y) ** 2).mean()  # the losses of PyTorch itself lack forward mode over reverse mode


def huber(outputs, y):
    size = (outputs - y).abs()
    return torch.where(size <= 1, size * size / 2, size - 0.5).mean()


def binary(outputs, y):
    return F.binary_cross_entropy_with_logits(outputs, y)


CROSS = {"SparseCategoricalCrossentropy": {"from_logits": True}}
NETS = [
    Net(
        "tanh, squares",
        [Dense(7, activation="tanh"), Dense(3)],
        tanh_net,
        "mse",
        mean_squared,
        normal(9, 5),
        normal(9, 3),
    ),
    Net(
        "relu, logits of classes",
        [Dense(8, activation="relu"), Dense(7, activation="relu"), Dense(4)],
        relu_net,
        CROSS,
        F.cross_entropy,
        normal(9, 5),
        generator.integers(4, size=9),
    ),
    Net(
        "gelu, normalized, split-off sigmoid",
        [Dense(6, activation="gelu"), LayerNormalization(), BatchNormalization(), Dense(1, activation="sigmoid")],
        normalized_net,
        "binary_crossentropy",
        binary,
        normal(9, 5),
        generator.integers(2, size=(9, 1)).astype(float),
    ),
    Net(
        "embedding, split-off softmax",
        [Embedding(11, 3), Flatten(), Dense(6, activation="silu"), Dense(4, activation="softmax")],
        embedding_net,
        "sparse_categorical_crossentropy",
        F.cross_entropy,
        generator.integers(11, size=(9, 4)),
        generator.integers(4, size=9),
    ),
    Net("tied kernel", [TiedAutoEncoder(), Dense(2)], tied_net, "mse", mean_squared, normal(9, 5), normal(9, 2)),
    Net(
        "sequence, huber",
        [Dense(4, activation="softplus"), Reshape((3, 4)), Dense(2)],
        sequence_net,
        "huber",
        huber,
        normal(9, 3, 5),
        3 * normal(9, 3, 2),
    ),
]


class Pair:
    """A model and its twin in PyTorch, with the positions of the trained parameters."""

    def __init__(self, net):
        self.net = net
        self.model = Sequential([Input(net.x.shape[1:]), *net.layers], seed=6, dtype="float64")
        self.model.compile("sgd", net.loss)
        random = np.random.default_rng(7)
        for parameter in self.model.parameters:
            drawn = random.uniform(0.5, 1.5, parameter.shape)
            parameter.assign(drawn if "variance" in parameter.name else drawn * random.choice([-1, 1], parameter.shape))
        self.everything = [torch.tensor(own.value.copy()) for own in self.model.parameters]
        self.places = [index for index, own in enumerate(self.model.parameters) if own.trainable]
        self.start = tuple(self.everything[index] for index in self.places)
        self.x, self.y = torch.tensor(net.x), torch.tensor(net.y)
        self.count = sum(own.numel() for own in self.start)

    def outputs(self, trained, x=None):
        """The outputs that the loss sees."""
        values = list(self.everything)
        for index, own in zip(self.places, trained, strict=True):
            values[index] = own
        return self.net.outputs(self.x if x is None else x, *values)

    def loss(self, trained):
        return self.net.torch_loss(self.outputs(trained), self.y)

    def loss_of_row(self, trained, x, y):
        return self.net.torch_loss(self.outputs(trained, x[None]), y[None])

    def split(self, vector):
        parts = np.split(vector, np.cumsum([own.numel() for own in self.start])[:-1])
        return tuple(torch.tensor(part).reshape(own.shape) for part, own in zip(parts, self.start, strict=True))


@pytest.fixture(params=NETS, ids=str)
def pair(request):
    torch.set_default_dtype(torch.float64)
    yield Pair(request.param)
    torch.set_default_dtype(torch.float32)


def flat(tensors, lead=()):
    return np.concatenate([tensor.detach().numpy().reshape(*lead, -1) for tensor in tensors], axis=-1)


def near(ours, theirs):
    assert ours.shape == theirs.shape
    assert np.abs(ours - theirs).max() <= NEAR * max(np.abs(theirs).max(), 1e-3)


def test_outputs_and_gradient(pair):
    raw = pair.model.trainer.ready_steps().chain.linearize(pair.net.x, *pair.model.values)[0]
    near(raw, pair.outputs(pair.start).numpy())
    gradient = flat(torch.func.grad(pair.loss)(pair.start))
    near(pair.model.gradient(pair.net.x, pair.net.y), gradient)
    assert pair.model.evaluate(pair.net.x, pair.net.y, verbose=0) == pytest.approx(
        pair.loss(pair.start).item(), rel=NEAR
    )


def test_per_example_gradients(pair):
    rows = torch.func.vmap(torch.func.grad(pair.loss_of_row), in_dims=(None, 0, 0))
    expected = flat(rows(pair.start, pair.x, pair.y), (len(pair.x),))
    near(pair.model.per_example_gradients(pair.net.x, pair.net.y), expected)


def predicts(pair):
    """What the model itself gives, a split-off activation included."""
    last = getattr(pair.model.layers[-1], "activation", None)
    after = {"Sigmoid": torch.sigmoid, "Softmax": lambda z: torch.softmax(z, -1)}.get(type(last).__name__)
    return pair.outputs if after is None else lambda trained, x=None: after(pair.outputs(trained, x))


def test_jacobian_products(pair):
    function = predicts(pair)
    v = normal(pair.count)
    pushed = torch.func.jvp(function, (pair.start,), (pair.split(v),))[1].numpy()
    near(pair.model.jvp(pair.net.x, dparameters=v), pushed)
    near(pair.model.jacobian(pair.net.x, wrt="parameters").jvp(v), pushed)
    cotangent = normal(*pushed.shape)
    by_parameters = flat(torch.func.vjp(function, pair.start)[1](torch.tensor(cotangent))[0])
    own, ours = pair.model.vjp(pair.net.x, cotangent)
    near(ours, by_parameters)
    if pair.x.is_floating_point():
        _, back = torch.func.vjp(lambda x: function(pair.start, x), pair.x)
        near(own, back(torch.tensor(cotangent))[0].numpy())
        tangent = normal(*pair.x.shape)
        expected = torch.func.jvp(lambda x: function(pair.start, x), (pair.x,), (torch.tensor(tangent),))[1]
        near(pair.model.jvp(pair.net.x, tangent), expected.numpy())


def test_dense_jacobian_by_the_parameters(pair):
    blocks = torch.func.jacrev(predicts(pair))(pair.start)
    shape = blocks[0].shape[: blocks[0].ndim - pair.start[0].ndim]
    near(pair.model.jacobian(pair.net.x, wrt="parameters").todense(), flat(blocks, shape))


def test_hvp(pair):
    v = normal(pair.count)
    expected = flat(torch.func.jvp(torch.func.grad(pair.loss), (pair.start,), (pair.split(v),))[1])
    near(pair.model.hvp(pair.net.x, pair.net.y, v), expected)


def test_ggn_vp(pair):
    v = normal(pair.count)
    outputs, pushed = torch.func.jvp(pair.outputs, (pair.start,), (pair.split(v),))
    by_outputs = torch.func.grad(lambda z: pair.net.torch_loss(z, pair.y))
    bent = torch.func.jvp(by_outputs, (outputs,), (pushed,))[1]
    expected = flat(torch.func.vjp(pair.outputs, pair.start)[1](bent)[0])
    near(pair.model.ggn_vp(pair.net.x, pair.net.y, v), expected)
