"""JAX: a training step written by hand in jax.numpy, compiled as a whole, its state given back to it (donated)."""

import functools

import jax
import jax.numpy as jnp
import numpy as np

from benchmarks.parts import Block, Convolution, Dense, Dropout, Flatten, Lookup, Mean, Pool, Recurrence
from benchmarks.peers.base import Peer


class Jax(Peer):
    """`jax.jit` of loss, gradients and Adam."""

    def __init__(self, case, threads):
        super().__init__(case, threads)
        weights = jax.tree.map(jnp.asarray, case.weights())
        zeros = [jax.tree.map(jnp.zeros_like, weights) for _ in range(2)]
        self.state = (weights, *zeros, jnp.zeros((), jnp.int32))
        self.compiled_step = jax.jit(functools.partial(_step, case), donate_argnums=0)
        self.compiled_net = jax.jit(lambda weights, x: _net(case, weights, x, None))

    def convert(self, array):
        return jax.device_put(array)

    def step(self, x, y):
        self.state, loss = self.compiled_step(self.state, x, y)
        return loss

    def predict(self, x):
        return self.compiled_net(self.state[0], x)

    def wait(self, result):
        return jax.block_until_ready(result)

    def save(self, folder):
        np.savez(folder / "model.npz", *map(np.asarray, jax.tree.leaves(self.state[0])))


def _step(case, state, x, y):
    weights, momentum, velocity, count = state
    key = jax.random.fold_in(jax.random.key(0), count) if case.drops else None
    loss, gradients = jax.value_and_grad(lambda own: _loss(case, _net(case, own, x, key), y))(weights)
    count += 1
    rate = 0.001 * jnp.sqrt(1 - 0.999**count) / (1 - 0.9**count)
    momentum = jax.tree.map(lambda m, g: m + 0.1 * (g - m), momentum, gradients)
    velocity = jax.tree.map(lambda v, g: v + 0.001 * (g * g - v), velocity, gradients)
    weights = jax.tree.map(lambda w, m, v: w - rate * m / (jnp.sqrt(v) + 1e-7), weights, momentum, velocity)
    return (weights, momentum, velocity, count), loss


def _loss(case, outputs, y):
    if case.loss == "mse":
        return jnp.mean((outputs - y) ** 2)
    return -jnp.mean(jnp.take_along_axis(jax.nn.log_softmax(outputs), y[:, None], axis=1))


def _net(case, weights, x, key):
    """The outputs; without a key nothing is dropped."""
    for number, (part, own) in enumerate(zip(case.parts, weights, strict=True)):
        match part:
            case Dense(_, relu):
                x = x @ own[0] + own[1]
                x = jax.nn.relu(x) if relu else x
            case Dropout(rate) if key is not None:
                kept = jax.random.bernoulli(jax.random.fold_in(key, number), 1 - rate, x.shape)
                x = jnp.where(kept, x / (1 - rate), 0)
            case Convolution():
                dimensions = ("NHWC", "HWIO", "NHWC")
                x = jax.lax.conv_general_dilated(x, own[0], (1, 1), "VALID", dimension_numbers=dimensions)
                x = jax.nn.relu(x + own[1])
            case Pool():
                x = jax.lax.reduce_window(x, -jnp.inf, jax.lax.max, (1, 2, 2, 1), (1, 2, 2, 1), "VALID")
            case Flatten():
                x = x.reshape(len(x), -1)
            case Recurrence(units):
                x = _lstm(x, units, *own)
            case Lookup():
                x = own[0][x]
            case Mean():
                x = x.mean(axis=1)
            case Block():
                x = _block(x, part, own)
    return x


def _lstm(x, units, kernel, recurrent, bias):
    def step(state, z):
        hidden, cell = state
        i, f, c, o = jnp.split(z + hidden @ recurrent, 4, axis=-1)
        cell = jax.nn.sigmoid(f) * cell + jax.nn.sigmoid(i) * jnp.tanh(c)
        hidden = jax.nn.sigmoid(o) * jnp.tanh(cell)
        return (hidden, cell), None

    zeros = jnp.zeros((len(x), units), x.dtype)
    return jax.lax.scan(step, (zeros, zeros), (x @ kernel + bias).swapaxes(0, 1))[0][0]


def _block(x, part, weights):
    projections, weights = weights[:6], weights[6:]
    pairs = zip(projections[::2], projections[1::2], strict=True)
    query, key, value = (jnp.einsum("bsf,fhd->bshd", x, kernel) + bias for kernel, bias in pairs)
    kernel, bias, gamma_1, beta_1, hidden, hidden_bias, last, last_bias, gamma_2, beta_2 = weights
    scores = jnp.einsum("bqhd,bkhd->bhqk", query, key) / jnp.sqrt(query.shape[-1])
    context = jnp.einsum("bhqk,bkhd->bqhd", jax.nn.softmax(scores), value)
    between = _normalized(x + jnp.einsum("bqhd,hdf->bqf", context, kernel) + bias, gamma_1, beta_1)
    inner = jax.nn.relu(between @ hidden + hidden_bias) @ last + last_bias
    return _normalized(between + inner, gamma_2, beta_2)


def _normalized(x, gamma, beta):
    mean = x.mean(axis=-1, keepdims=True)
    variance = ((x - mean) ** 2).mean(axis=-1, keepdims=True)
    return gamma * (x - mean) / jnp.sqrt(variance + 1e-3) + beta
