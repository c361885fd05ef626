"""What each structured Jacobian keeps, and what its products cost, against the dense matrix.

    python -m benchmarks.jacobians [--write] [--rounds 15]

Every kind of map is taken from an op, a layer, a loss or a model at a moderate size, and timed with one vector.
`--write` puts the table between the markers of docs/jacobians.md. Times are medians in microseconds, one BLAS thread,
float32.
"""

import argparse
import statistics
import time
from pathlib import Path

import numpy as np
from threadpoolctl import threadpool_limits

from nnlite import Sequential, jacobians, layers, losses, ops
from nnlite.jacobians import Jacobian
from nnlite.jacobians.maps.base import readable_bytes
from nnlite.random import RandomSource

DOCUMENT = Path(__file__).parent.parent / "docs" / "jacobians.md"
BEGIN, END = "<!-- table: python -m benchmarks.jacobians --write -->", "<!-- end of table -->"
DENSE_LIMIT = 64 * 2**20  # larger ones are not written out to be timed
generator = np.random.default_rng(0)


def normal(*shape):
    return generator.standard_normal(shape, np.float32)


def op(made, *arrays):
    """The maps of an op."""
    return lambda: (made.linearize(*arrays)[1][index] for index in range(len(arrays)))


def adapted(made, *shape):
    """The maps of a layer that learns from data first."""

    def maps():
        made.adapt(normal(256, *shape[1:]))
        return made.linearize(normal(*shape), *made.values)[1][:1]

    return maps


def layer(made, *shape, mask=None):
    """The maps of a layer in training."""

    def maps():
        made._ensure_built((None, *shape[1:]), RandomSource(0))
        context = {"training": True, "random": RandomSource(1), "mask": mask}
        context = {name: context[name] for name in made._context}
        found = made.linearize(normal(*shape), *made.values, **context)[1]
        return [found[index] for index in range(len(found))]

    return maps


def model(wrt):
    """The Jacobian of a model, which shows itself as a tree."""
    net = Sequential([layers.Dense(32, activation="tanh"), layers.Dense(10)], seed=0)
    return lambda: [net.jacobian(normal(16, 32), wrt=wrt)]


def traced():
    """A kernel that is used twice."""
    trace = ops.Trace()
    x, kernel = trace.variable(normal(16, 32)), trace.variable(normal(32, 16))
    return [trace.jacobians(ops.tanh(x @ kernel) @ kernel.T)[1]]


def own_loss():
    """The Hessian of a loss that does not state one."""

    class Quartic(losses.Loss):
        def call(self, y_true, y_pred):
            return ops.sum((y_pred - y_true) ** 4, axis=-1)

    return [Quartic().output_hessian(normal(32, 10), normal(32, 10))]


def hessian(loss, y_true, y_pred):
    return lambda: [loss.output_hessian(y_true, y_pred)]


SHARES, CLASSES = generator.dirichlet(np.ones(10), 64).astype(np.float32), generator.integers(10, size=64)
SOURCES = [
    op(ops.Linear(), normal(64, 64)),
    op(ops.Exp(), normal(64, 64)),
    op(ops.Add(), normal(64, 32), normal(32)),
    op(ops.MatMul(), normal(16, 32), normal(32, 64)),
    op(ops.MatMul(), normal(8, 16, 8), normal(8, 8, 16)),
    op(ops.Softmax(), normal(64, 32)),
    op(ops.LogSoftmax(), normal(64, 32)),
    op(ops.Mean(axis=-1), normal(64, 64)),
    op(ops.Max(axis=-1), normal(64, 64)),
    op(ops.Transpose((0, 2, 1)), normal(16, 8, 16)),
    op(ops.Slice((slice(None), slice(8))), normal(64, 32)),
    op(ops.Concatenate(), normal(32, 16), normal(32, 48)),
    op(ops.Gather(), normal(200, 16), generator.integers(200, size=(16, 8))),
    op(ops.Einsum("btf,fhd->bthd"), normal(4, 8, 16), normal(16, 4, 8)),
    layer(layers.BatchNormalization(), 64, 32),
    layer(layers.LayerNormalization(), 64, 32),
    layer(layers.GroupNormalization(4), 8, 16, 16),
    layer(layers.RMSNormalization(), 64, 32),
    layer(layers.BatchNormalization(), 16, 8, 16, mask=generator.random((16, 8)) < 0.7),
    layer(layers.SpectralNormalization(layers.Dense(32)), 16, 32),
    layer(layers.Conv2D(8, 3, activation="tanh"), 4, 8, 8, 4),
    layer(layers.Conv2DTranspose(4, 3), 4, 8, 8, 4),
    layer(layers.MaxPooling2D(), 4, 8, 8, 8),
    layer(layers.AveragePooling2D(), 4, 8, 8, 8),
    layer(layers.AdaptiveMaxPooling1D(3), 4, 16, 8),
    layer(layers.ZeroPadding2D(1), 4, 8, 8, 4),
    layer(layers.Resizing(12, 12), 4, 8, 8, 3),
    layer(layers.RandomFlip(), 8, 8, 8, 3),
    adapted(layers.PiecewiseLinearEncoding(8), 64, 16),
    layer(layers.RandomRotation(0.1), 4, 8, 8, 3),
    layer(layers.RandomContrast(0.5), 8, 8, 8, 3),
    layer(layers.LSTM(16, return_sequences=True), 4, 8, 8),
    layer(layers.ActivityRegularization(l2=0.1), 64, 32),
    layer(layers.Rescaling(1 / 255), 64, 32),
    hessian(losses.MeanSquaredError(), normal(64, 10), normal(64, 10)),
    hessian(losses.CategoricalCrossentropy(), SHARES, SHARES[::-1]),
    hessian(losses.SparseCategoricalCrossentropy(from_logits=True), CLASSES, normal(64, 10)),
    lambda: [losses.MeanSquaredError().linearize(normal(64, 10), normal(64, 10))[1]],
    lambda: [jacobians.Recast((64, 64), np.float32, np.float64)],
    lambda: [jacobians.RowStochastic(SHARES)],
    lambda: [jacobians.AddedLoss(normal(64), (64, 32))],
    lambda: [jacobians.Summed(jacobians.Identity((64, 32)), jacobians.Diagonal(normal(64, 32), (64, 32), (64, 32)))],
    traced,
    own_loss,
    model("parameters"),
]


def kinds() -> list[str]:
    """The names of all structured maps of nnlite."""
    found = {cls for cls in vars(jacobians).values() if isinstance(cls, type) and issubclass(cls, Jacobian)}
    return sorted(cls.__name__ for cls in found if cls is not Jacobian)


def inside(part):
    """A map, and the maps that it is made of."""
    if isinstance(part, Jacobian):
        yield part
        for cls in type(part).__mro__:
            for slot in getattr(cls, "__slots__", ()):
                value = getattr(part, slot)
                for item in value if isinstance(value, tuple) else (value,):
                    yield from inside(item) if isinstance(item, Jacobian) else ()


def examples() -> dict[str, Jacobian]:
    """One map of each kind."""
    found = {}
    for source in SOURCES:
        for whole in source():
            for part in inside(whole):
                found.setdefault(type(part).__name__, part)
    return found


def microseconds(function, rounds) -> float:
    """Median time of a call, from rounds of at least a millisecond."""
    count, elapsed = 1, 0
    while elapsed < 1e-3:
        start = time.perf_counter()
        for _ in range(count):
            function()
        elapsed, count = time.perf_counter() - start, count * 2
    count //= 2
    times = []
    for _ in range(rounds):
        start = time.perf_counter()
        for _ in range(count):
            function()
        times.append((time.perf_counter() - start) / count)
    return statistics.median(times) * 1e6


def row(name, part, rounds) -> str:
    """A row of Markdown."""
    dtype = part.dtype if part.dtype.kind == "f" and part.nbytes else np.dtype(np.float32)
    cotangent, tangent = (generator.standard_normal(shape).astype(dtype) for shape in (part.out_shape, part.in_shape))
    rows, columns = cotangent.size, tangent.size
    nbytes = rows * columns * dtype.itemsize
    cells = [microseconds(lambda: part.vjp(cotangent), rounds), microseconds(lambda: part.jvp(tangent), rounds)]
    if nbytes <= DENSE_LIMIT:
        dense = np.asarray(part.todense(), dtype).reshape(rows, columns)
        cells.append(microseconds(lambda: cotangent.ravel() @ dense, rounds))
        start = time.perf_counter()
        part.todense()
        cells.append((time.perf_counter() - start) * 1e6)
    times = " | ".join(f"{value:,.1f}" if value < 100 else f"{value:,.0f}" for value in cells)
    shapes = f"{part.out_shape} by {part.in_shape}"
    return f"| `{name}` | {shapes} | {readable_bytes(part.nbytes)} | {readable_bytes(nbytes)} | {times} |"


def table(rounds) -> str:
    head = "| map | outputs by inputs | kept | dense | vjp | jvp | dense product | todense |\n|" + "---|" * 8
    with threadpool_limits(1):
        return "\n".join([head, *(row(name, part, rounds) for name, part in sorted(examples().items()))])


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--write", action="store_true", help="put the table into docs/jacobians.md")
    parser.add_argument("--rounds", type=int, default=15)
    options = parser.parse_args()
    made = table(options.rounds)
    print(made)
    if options.write:
        before, _, rest = DOCUMENT.read_text(encoding="utf-8").partition(BEGIN)
        _, _, after = rest.partition(END)
        DOCUMENT.write_text(f"{before}{BEGIN}\n\n{made}\n\n{END}{after}", encoding="utf-8")


if __name__ == "__main__":
    main()
