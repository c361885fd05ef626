"""What all optimizers share: blocks, clipping, weight decay, the learning rate, packs, refused states."""

import importlib.util
import os

import numpy as np
import pytest
from test_optimizers import SCHEDULE, gradients_of, make_pack, new, pack_of, train

from nnlite import kernels
from nnlite.errors import ModelFileError, ShapeError
from nnlite.optimizers import SGD, Adam, RMSprop
from nnlite.optimizers.base import blocks


def test_long_vectors_are_walked_in_blocks():
    """Longer than two blocks of the real length, against the same elements one block at a time."""
    size = 2 * blocks.BLOCK_SIZE + 3
    pack = make_pack(size, "float32")
    parts = [slice(start, start + blocks.BLOCK_SIZE) for start in range(0, size, blocks.BLOCK_SIZE)]
    short = [pack_of(pack.values[part].copy(), pack.gradients[part], [slice(None)]) for part in parts]
    together, apart = Adam(), Adam()
    for step in range(3):
        pack.gradients[:] = gradients_of(step, size)
        together.apply_packs([pack])
        apart.apply_packs(short)
    np.testing.assert_array_equal(pack.values, np.concatenate([part.values for part in short]))


@pytest.mark.skipif(importlib.util.find_spec("numba") is None, reason="Numba is not installed")
def test_compiled_updates_take_whole_vectors_and_those_of_ones_own_blocks():
    class OwnAdam(Adam):
        def update(self, values, gradients, slots, learning_rate, scratch):
            lengths.append(len(values))
            np.multiply(gradients, learning_rate, out=scratch)
            np.subtract(values, scratch, out=values)

    class Counting(Adam):
        by_kernel = True

        def update(self, values, *rest):
            lengths.append(len(values))
            super().update(values, *rest)

    size, lengths = 2 * blocks.BLOCK_SIZE + 3, []
    for choice, optimizer, expected in [
        ("numpy", Counting(), [blocks.BLOCK_SIZE, blocks.BLOCK_SIZE, 3]),
        ("numba", Counting(), [size]),
        ("numba", OwnAdam(), [blocks.BLOCK_SIZE, blocks.BLOCK_SIZE, 3]),
    ]:
        kernels.use(choice)
        lengths.clear()
        optimizer.apply_packs([make_pack(size, "float32")])
        assert lengths == expected
    kernels.use(os.environ.get("NNLITE_KERNELS", "auto"))


def test_state_from_before_training_starts_afresh():
    optimizer, pack = Adam(), make_pack()
    state = optimizer.get_state()
    assert state == {"iterations": 0, "slots": []}
    expected = train(optimizer, pack)
    optimizer.set_state(state)
    np.testing.assert_array_equal(train(optimizer, make_pack()), expected)


def test_state_of_another_optimizer_is_refused():
    optimizer, other = Adam(), SGD(momentum=0.9)
    train(other, make_pack())
    with pytest.raises(ModelFileError, match=r"Adam\(\) needs the slots: momentum, squares; .* has: velocity"):
        optimizer.set_state(other.get_state())
    assert optimizer.get_state() == {"iterations": 0, "slots": []}


@pytest.mark.parametrize("changes", [{"size": 8}, {"dtype": "float32"}])
def test_state_of_other_parameters_is_refused(changes):
    trained, built, unbuilt = Adam(), Adam(), Adam()
    train(trained, make_pack(**changes))
    built.build_packs([make_pack()])
    message = r"Adam\(\) has a slot 'momentum' .* but the parameters have \(7,\) and float64"
    with pytest.raises(ShapeError, match=message):
        built.set_state(trained.get_state())
    assert built.iterations == 0
    unbuilt.set_state(trained.get_state())
    with pytest.raises(ShapeError, match=message):
        unbuilt.apply_packs([make_pack()])


def test_other_parameters_need_a_new_optimizer():
    optimizer = SGD(momentum=0.9)
    train(optimizer, make_pack())
    with pytest.raises(ShapeError, match=r"slot 'velocity' of shape \(7,\).*parameters have \(8,\)"):
        optimizer.apply_packs([make_pack(8)])
    with pytest.raises(ShapeError, match=r"slots for 1 packs, got 2 packs"):
        optimizer.apply_packs([make_pack(), make_pack()])


def test_several_packs_share_one_step():
    together, apart = [make_pack(7), make_pack(5, "float32")], [make_pack(7), make_pack(5, "float32")]
    optimizer = Adam()
    for step in range(3):
        for pack in together:
            pack.gradients[:] = gradients_of(step, pack.values.size)
        optimizer.apply_packs(together)
    for pack, alone in zip(together, apart, strict=True):
        np.testing.assert_array_equal(pack.values, train(Adam(), alone, 3))
    assert optimizer.iterations == 3


def clipped(gradients, **arguments):
    """The gradients that reach a plain step, per pack."""
    packs = [make_pack(len(gradient)) for gradient in gradients]
    for pack, gradient in zip(packs, gradients, strict=True):
        pack.values[:], pack.gradients[:] = 0.0, gradient
    SGD(1.0, **arguments).apply_packs(packs)
    return [-pack.values for pack in packs]


def test_clipvalue():
    (found,) = clipped([[-3.0, 0.5, 3.0, 1.0, -1.5]], clipvalue=1.5)
    np.testing.assert_array_equal(found, [-1.5, 0.5, 1.5, 1.0, -1.5])


def test_clipnorm_is_per_parameter():
    (found,) = clipped([[3.0, 4.0, 0.1, 0.2, 0.3]], clipnorm=2.5)
    np.testing.assert_allclose(found, [1.5, 2.0, 0.1, 0.2, 0.3], rtol=1e-15)


def test_global_clipnorm_is_over_all_packs():
    found = clipped([[0.0, 0.0, 3.0], [4.0, 0.0, 0.0]], global_clipnorm=2.5)
    np.testing.assert_allclose(found, [[0.0, 0.0, 1.5], [2.0, 0.0, 0.0]], rtol=1e-15)
    found = clipped([[0.0, 0.0, 3.0], [4.0, 0.0, 0.0]], global_clipnorm=5.5)
    np.testing.assert_array_equal(found, [[0.0, 0.0, 3.0], [4.0, 0.0, 0.0]])


@pytest.mark.parametrize("way", ["clipnorm", "global_clipnorm"])
@pytest.mark.parametrize("broken", [np.nan, np.inf])
def test_clipping_shows_a_broken_gradient(way, broken):
    (found,) = clipped([[1.0, 2.0, broken]], **{way: 1.0})
    assert np.isnan(found).all()


@pytest.mark.parametrize("prototype", [SGD(0.1), SGD(0.1, momentum=0.9), RMSprop(0.1), Adam(0.1)], ids=str)
def test_weight_decay_comes_before_the_update(prototype):
    """One step of an update that does not depend on the values."""
    plain, decayed = make_pack(), make_pack()
    start = plain.values.copy()
    train(new(prototype), plain, 1)
    train(new(prototype, weight_decay=0.2), decayed, 1)
    np.testing.assert_allclose(plain.values - decayed.values, 0.1 * 0.2 * start, rtol=1e-12, atol=1e-16)


def test_small_weight_decay_is_not_rounded_for_all_alike():
    """2.5 times the distance of 1 to the float32 below: a factor 1 - rate would decay by 2 or 3 of it, 20 % off."""
    rate = 2.5 * 2.0**-24
    pack = make_pack(1000, "float32")
    before = pack.values.astype("float64")
    SGD(1.0, weight_decay=rate).apply_packs([pack])
    assert before @ (before - pack.values) / (before @ before) == pytest.approx(rate, rel=0.1)


def test_centered_rmsprop_survives_a_constant_gradient():
    """The mean of the squares equals the square of the mean, in float32 but for roundings of either sign."""
    optimizer, pack = RMSprop(rho=0.5, centered=True), make_pack(1000, "float32")
    pack.gradients[:] = np.linspace(1, 100, 1000)
    for _ in range(100):
        optimizer.apply_packs([pack])
    assert np.isfinite(pack.values).all()


def test_learning_rate_may_be_assigned():
    optimizer, pack = SGD(1.0), make_pack()
    for rate in (0.25, np.float64(0.5), SCHEDULE):
        optimizer.learning_rate = rate
        before, expected = pack.values.copy(), optimizer.current_learning_rate
        assert type(expected) is float
        train(optimizer, pack, 1)
        np.testing.assert_allclose(before - pack.values, expected * gradients_of(0), rtol=1e-12)
    assert optimizer.current_learning_rate == SCHEDULE(3)
