"""A tape: the computations of a user-defined training step are recorded, across several layers and models."""

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

import numpy as np

from nnlite.errors import ShapeError
from nnlite.jacobians import GraphJacobians
from nnlite.ops.tracing import FUNCTIONS, UNLIKE_NUMPY, Trace, Traced
from nnlite.random.streams import kept_seeds

__all__ = ["Leaf", "Recorded", "Tape", "active_tape", "is_trial", "paused", "trial_run"]

_ACTIVE: ContextVar[Any] = ContextVar("tape", default=None)
_TRIAL: ContextVar[bool] = ContextVar("trial", default=False)


def active_tape() -> Any:
    """The tape that is currently recording, or None."""
    return _ACTIVE.get()


@contextmanager
def paused() -> Iterator[None]:
    """A context in which nothing is recorded."""
    token = _ACTIVE.set(None)
    try:
        yield
    finally:
        _ACTIVE.reset(token)


@contextmanager
def trial_run() -> Iterator[None]:
    """A context in which values are placeholders: metrics ignore them, seeds stay, and NumPy does not warn of them."""
    token = _TRIAL.set(True)
    try:
        with np.errstate(all="ignore"), kept_seeds():
            yield
    finally:
        _TRIAL.reset(token)


def is_trial() -> bool:
    """Whether the values being recorded are placeholders."""
    return _TRIAL.get()


class Leaf:
    """Base of parameters, by which a `Tape` derives."""

    __slots__ = ()


class Recorded(Traced):
    """A value on a tape. Unlike other traced values, it may be read: metrics and prints do so."""

    __slots__ = ()

    def backward(self) -> None:
        """Differentiate this scalar with respect to all parameters that it depends on.

        Each gets the derivative as its `gradient`; a second call in the same step adds to the first one's, until
        `model.zero_grad()`.
        """
        tape: Any = self.trace
        tape.backward(self)

    def numpy(self) -> np.ndarray:
        """The value as an array."""
        return self.value

    detach = numpy

    def item(self) -> float:
        """The value as a Python number."""
        return self.value.item()

    def __array_function__(self, function: Callable, types: Any, arguments: tuple, options: dict) -> Any:
        if function.__name__ in FUNCTIONS and function.__name__ not in UNLIKE_NUMPY:
            return self._op(function.__name__, *arguments, **options)
        return function(*map(_looked_at, arguments), **options)  # such as np.ndim, np.argmax: it has no derivative

    def __float__(self) -> float:  # type: ignore[override]
        return float(self.value)

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> np.ndarray:  # type: ignore[override]
        return np.array(self.value, dtype=dtype, copy=True if copy is None else copy)

    __hash__ = None  # type: ignore[assignment]

    def __format__(self, specification: str) -> str:
        return format(self.value.item(), specification) if specification else repr(self)


def _looked_at(argument: Any) -> Any:
    return argument.value if isinstance(argument, Recorded) else argument


class Tape(Trace):
    """A record of layers, ops and losses in order of use, and the parameters they depend on.

    Args:
        before: called with the value that is derived, before any gradient changes.

    >>> import numpy as np
    >>> from nnlite import ops
    >>> from nnlite.parameters import Parameter
    >>> weight = Parameter("weight", np.array([1.0, 2.0]))
    >>> tape = Tape()
    >>> ops.sum(ops.square(tape.leaf(weight))).backward()
    >>> weight.gradient.tolist()
    [2.0, 4.0]
    """

    def __init__(self, before: Callable[[np.ndarray], None] | None = None) -> None:
        super().__init__()
        self._before = before
        self._leaves: dict[int, tuple[Any, Recorded]] = {}
        self._filled: set[int] = set()

    @contextmanager
    def recording(self) -> Iterator["Tape"]:
        """A context in which calls of layers are recorded here."""
        token = _ACTIVE.set(self)
        try:
            yield self
        finally:
            _ACTIVE.reset(token)

    def _slot(self, value: Any) -> Recorded:
        self._count += 1
        return Recorded(self, self._count - 1, np.asarray(value))

    def leaf(self, parameter: Any) -> Recorded:
        """A parameter as a differentiable value; the same one at each call."""
        entry = self._leaves.get(id(parameter))
        if entry is None:
            entry = self._leaves[id(parameter)] = parameter, self._slot(parameter.value)
        entry[1].value = parameter.value
        return entry[1]

    def record(self, op: Any, inputs: Iterable[Any]) -> Traced:
        """Apply `op` to values of which some are traced or parameters."""
        return super().record(op, [self.leaf(item) if isinstance(item, Leaf) else item for item in inputs])

    def forget_gradients(self) -> None:
        """Let the next `backward` overwrite gradients instead of adding to them."""
        self._filled = set()

    def backward(self, output: Recorded) -> None:
        """Set the gradient of each parameter on the tape to the derivative of `output`; see `Recorded.backward`."""
        if output.size != 1:
            raise ShapeError(f"backward needs a single number, such as ops.mean(losses), got the shape {output.shape}")
        if self._before is not None:
            self._before(output.value)
        for parameter, gradient in self.gradients(output):
            if id(parameter) in self._filled:
                gradient = gradient + parameter.gradient
            parameter.keep_gradient(gradient)
            self._filled.add(id(parameter))

    def gradients(self, output: Recorded) -> list[tuple[Any, Any]]:
        """Each trainable parameter on the tape with the derivative of `output` with respect to it."""
        leaves = [pair for pair in self._leaves.values() if pair[0].trainable]
        places = {leaf.slot: index for index, (_, leaf) in enumerate(leaves)}

        def moved(slots: tuple) -> tuple:
            return tuple(None if slot is None else places.get(slot, slot + len(leaves)) for slot in slots)

        nodes = [node._replace(inputs=moved(node.inputs), outputs=moved(node.outputs)) for node in self.nodes]
        ends = [(moved((self._own(output).slot,))[0], output.shape)]
        maps = GraphJacobians(nodes, [leaf.shape for _, leaf in leaves], ends, data=0)
        products = maps.vjp(np.ones(output.shape, output.dtype))
        return [(parameter, gradient) for (parameter, _), gradient in zip(leaves, products, strict=True)]
