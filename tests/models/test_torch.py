"""Whole nets against PyTorch in float64: outputs, gradients, moving averages, and weights after some steps."""

import numpy as np
import pytest
from torch_parity import near

from nnlite import Sequential
from nnlite.layers import BatchNormalization, Dense, Embedding, Flatten, Input, LayerNormalization
from nnlite.ops.activations import Linear
from nnlite.optimizers import SGD

torch = pytest.importorskip("torch")


def dense(layer):
    twin = torch.nn.Linear(*layer.kernel.shape, dtype=torch.float64)
    twin.weight.data = torch.tensor(layer.kernel.value.T.copy())
    twin.bias.data = torch.tensor(layer.bias.value.copy())
    return twin


def layer_normalization(layer):
    return torch.nn.LayerNorm(layer.gamma.shape, eps=layer.epsilon, dtype=torch.float64)


def batch_normalization(layer):
    momentum = 1 - layer.momentum
    return torch.nn.BatchNorm1d(layer.gamma.shape[0], eps=layer.epsilon, momentum=momentum, dtype=torch.float64)


def embedding(layer):
    return torch.nn.Embedding.from_pretrained(torch.tensor(layer.embeddings.value.copy()), freeze=False)


TWINS = {
    Dense: dense,
    LayerNormalization: layer_normalization,
    BatchNormalization: batch_normalization,
    Embedding: embedding,
    Flatten: lambda layer: torch.nn.Flatten(),
}
ACTIVATIONS = {
    "relu": torch.nn.ReLU,
    "tanh": torch.nn.Tanh,
    "gelu": torch.nn.GELU,
    "silu": torch.nn.SiLU,
    "mish": torch.nn.Mish,
    "selu": torch.nn.SELU,
}
NETS = {
    "relu": (lambda: [Dense(16, activation="relu"), Dense(8, activation="relu"), Dense(3)], (5,)),
    "tanh": (lambda: [Dense(16, activation="tanh"), Dense(3)], (5,)),
    "gelu and layer normalization": (lambda: [Dense(16, activation="gelu"), LayerNormalization(), Dense(3)], (5,)),
    "silu and batch normalization": (lambda: [Dense(16, activation="silu"), BatchNormalization(), Dense(3)], (5,)),
    "mish and selu": (lambda: [Dense(16, activation="mish"), Dense(8, activation="selu"), Dense(3)], (5,)),
    "embedding": (lambda: [Embedding(7, 4), Flatten(), Dense(3)], (6,)),
}


@pytest.fixture(params=NETS)
def pair(request):
    """A net, its twin, a batch and its labels."""
    make, shape = NETS[request.param]
    generator = np.random.default_rng(0)
    model = Sequential([Input(shape), *make()], seed=1, dtype="float64")
    for layer in model.layers:
        assert layer.dtype == "float64"
    model.compile(SGD(0.1), {"SparseCategoricalCrossentropy": {"from_logits": True}})
    parts = []
    for layer in model.layers:
        parts.append(TWINS[type(layer)](layer))
        activation = type(getattr(layer, "activation", Linear())).__name__.lower()
        if activation != "linear":
            parts.append(ACTIVATIONS[activation]())
    whole = model.input_kind == "indices"
    x = generator.integers(7, size=(20, *shape)) if whole else generator.normal(size=(20, *shape))
    return model, torch.nn.Sequential(*parts), x, generator.integers(3, size=20)


def as_ours(parameter, layer_parameter):
    return parameter.T if layer_parameter.name == "kernel" else parameter


def test_outputs_gradients_and_steps(pair):
    model, twin, x, y = pair
    optimizer = torch.optim.SGD(twin.parameters(), lr=0.1)
    inputs, labels = torch.tensor(x), torch.tensor(y)
    for _ in range(5):
        optimizer.zero_grad()
        loss = torch.nn.functional.cross_entropy(twin(inputs), labels)
        loss.backward()
        assert abs(model.train_on_batch(x, y) - loss.item()) <= 1e-12
        for ours, theirs in zip(model.trainable_weights, twin.parameters(), strict=True):
            assert near(ours.gradient, as_ours(theirs.grad, ours))
        optimizer.step()
    for ours, theirs in zip(model.trainable_weights, twin.parameters(), strict=True):
        assert near(ours.value, as_ours(theirs, ours))


def test_derivative_by_the_inputs(pair):
    model, twin, x, _ = pair
    if model.input_kind == "indices":
        pytest.skip("indices have no derivative")
    inputs = torch.tensor(x, requires_grad=True)
    upstream = np.random.default_rng(2).normal(size=(20, 3))
    outputs = twin(inputs)
    outputs.backward(torch.tensor(upstream))
    assert near(model.forward(x, training=True), outputs)
    by_inputs, *_ = model.backward(upstream)
    assert near(by_inputs, inputs.grad)


def test_moving_averages():
    generator = np.random.default_rng(0)
    x = generator.normal(2, 3, size=(50, 4))
    layer = BatchNormalization(momentum=0.9, dtype="float64")
    layer._ensure_built((None, 4))
    twin = batch_normalization(layer)
    for _ in range(3):
        layer(x, training=True)
        twin(torch.tensor(x))
    assert near(layer.moving_mean.value, twin.running_mean)
    # PyTorch averages the unbiased variance, nnlite and Keras the biased one.
    unbiased = (layer.moving_variance.value - 0.9**3) * 50 / 49 + 0.9**3
    assert near(unbiased, twin.running_var)
