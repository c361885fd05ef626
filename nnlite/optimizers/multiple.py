"""Several optimizers as one, each for some of the variables."""

import re
import warnings
from collections.abc import Callable, Iterator, Mapping, MutableMapping, Sequence
from typing import Any

import numpy as np

from nnlite.errors import ConfigError, WrongTypeError
from nnlite.optimizers.base import Optimizer, StateVariable
from nnlite.optimizers.base.rates import Rate
from nnlite.parameters import Parameter, RowPack
from nnlite.registry.field_types import jsonable
from nnlite.registry.modules import keras_form

__all__ = ["MultiOptimizer", "OptimizerMap"]

NO_RATE = "MultiOptimizer has no learning rate of its own: use those of its `optimizers`"


class OptimizerMap(MutableMapping):
    """Optimizers by patterns of variable paths: `map["model/encoder/.*"] = Adam()`.

    A pattern is a regular expression that the `path` of a variable begins with, as in Keras; the first to fit counts.

    Args:
        default_optimizer: for the variables that no pattern fits.
        optimizer_map: pattern -> optimizer.

    Raises:
        ConfigError: a pattern that is not a regular expression, or that has an optimizer already.
        WrongTypeError: a pattern that is not a string.

    >>> from nnlite.optimizers import SGD, Adam
    >>> optimizers = OptimizerMap(SGD(0.1), {"model/encoder/.*": Adam()})
    >>> optimizers["model/encoder/kernel"], optimizers["model/head/kernel"]
    (Adam(), SGD(learning_rate=0.1))
    """

    def __init__(self, default_optimizer: Any, optimizer_map: Mapping[str, Any] | None = None) -> None:
        self.default_optimizer: Optimizer = Optimizer.get(default_optimizer)
        self._optimizers: dict[str, Optimizer] = {}
        self.update(optimizer_map or {})

    def __getitem__(self, path: str) -> Optimizer:
        """The optimizer for this pattern, or the first pattern that matches the start of this path, or the default."""
        fitting = (one for pattern, one in self._optimizers.items() if re.match(pattern, path))
        return self._optimizers.get(path) or next(fitting, self.default_optimizer)

    def __setitem__(self, pattern: str, optimizer: Any) -> None:
        if pattern in self._optimizers:
            raise ConfigError(f"the pattern {pattern!r} has an optimizer already: {self._optimizers[pattern]!r}")
        if not isinstance(pattern, str):
            raise WrongTypeError(f"a pattern is a string, such as 'model/encoder/.*', got {pattern!r}")
        try:
            re.compile(pattern)
        except re.error as error:
            raise ConfigError(f"{pattern!r} is not a regular expression: {error}") from None
        self._optimizers[pattern] = Optimizer.get(optimizer)

    def __delitem__(self, pattern: str) -> None:
        del self._optimizers[pattern]

    def __contains__(self, pattern: object) -> bool:
        return pattern in self._optimizers  # not by `self[pattern]`, which finds one for any path

    def __iter__(self) -> Iterator[str]:
        return iter(self._optimizers)

    def __len__(self) -> int:
        return len(self._optimizers)

    def __repr__(self) -> str:
        return f"OptimizerMap({self.default_optimizer!r}, {self._optimizers})"

    def unused(self, paths: Sequence[str]) -> list[str]:
        """The patterns that match none of these paths."""
        return [pattern for pattern in self if not any(re.match(pattern, path) for path in paths)]

    def get_config(self) -> dict[str, Any]:
        """The arguments as plain values in Keras's form."""
        return {"default_optimizer": keras_form(self.default_optimizer), "optimizer_map": keras_form(self._optimizers)}

    def to_spec(self) -> dict[str, Any]:
        """The arguments in the form that files hold."""
        return {"default_optimizer": jsonable(self.default_optimizer), "optimizer_map": jsonable(self._optimizers)}

    @classmethod
    def from_config(cls, config: Mapping[str, Any]) -> "OptimizerMap":
        """The inverse of `get_config`, and of `to_spec`."""
        return cls(**config)


class MultiOptimizer(Optimizer):
    """Delegates each variable to one of several optimizers, which clip, decay and average by their own arguments.

    Args:
        optimizer_map: an `OptimizerMap`, or a function from a variable to its optimizer, always the same object for the
            same kind of variable. A model with a function is saved without its optimizer's state.
        loss_scale_factor: as of other optimizers.
        name: by default the name of the class in snake case.

    Attributes:
        optimizers: those that variables were found for, once the first step is done; before, those of the map.

    The learning rates are those of the optimizers inside, which count the batches for their schedules.

    Raises:
        WrongTypeError: neither a map nor a function.

    >>> from nnlite import Variable
    >>> from nnlite.optimizers import SGD
    >>> slow, fast = Variable([1.0], name="slow"), Variable([1.0], name="fast")
    >>> MultiOptimizer(OptimizerMap(SGD(0.5), {"slow": SGD(0.25)})).apply([[1.0], [1.0]], [slow, fast])
    >>> slow.numpy().tolist(), fast.numpy().tolist()
    ([0.75], [0.5])
    """

    def __init__(
        self,
        optimizer_map: OptimizerMap | Mapping[str, Any] | Callable[[Any], Optimizer],
        loss_scale_factor: float | None = None,
        name: str | None = None,
    ) -> None:
        if isinstance(optimizer_map, dict):
            config = optimizer_map.get("config", optimizer_map)
            optimizer_map = OptimizerMap.from_config(config) if "default_optimizer" in config else optimizer_map
        if not (isinstance(optimizer_map, OptimizerMap) or callable(optimizer_map)):
            raise WrongTypeError(f"optimizer_map is an OptimizerMap or a function of variables, got {optimizer_map!r}")
        self.optimizer_map = optimizer_map
        super().__init__(learning_rate=0.0, loss_scale_factor=loss_scale_factor, name=name)
        self._members: list[tuple[Optimizer, list[int]]] = []  # with the numbers of their variables
        self._parts: list[Any] = []  # all variables
        self._waiting: dict[str, Any] | None = None  # a state that was read before variables were known

    @property
    def optimizers(self) -> list[Optimizer]:
        """The inner optimizers, in the order in which variables were assigned to them."""
        return [optimizer for optimizer, _ in self._members] or self._known()

    @property
    def schedules(self) -> tuple[Any, ...]:
        """The schedules among the arguments of the inner optimizers."""
        return tuple(schedule for optimizer in self.optimizers for schedule in optimizer.schedules)

    def build_packs(self, packs: Sequence[Any]) -> None:
        """Assign an optimizer to each parameter of the packs, and build it for them; see `Optimizer.build_packs`."""
        parts = [parameter for pack in packs for parameter in pack.parameters]
        if [id(part) for part in parts] == [id(part) for part in self._parts]:
            return
        self._parts, members = parts, {}
        for number, optimizer in enumerate(self._chosen_before(len(parts)) or map(self._optimizer_of, parts)):
            members.setdefault(id(optimizer), (optimizer, []))[1].append(number)
        self._members, self._layout = list(members.values()), self._layout_of(packs)
        for optimizer, numbers in self._members:
            optimizer.build([parts[number] for number in numbers])
        self.use_ema = any(optimizer.use_ema for optimizer in self.optimizers)
        if self._waiting is not None:
            waiting, self._waiting = self._waiting, None
            self.set_state(waiting)
        elif isinstance(self.optimizer_map, OptimizerMap):
            paths = list(map(_path, parts))
            for pattern in self.optimizer_map.unused(paths):
                warnings.warn(f"{self.name}: {pattern!r} fits no variable, such as {paths[0]!r}", stacklevel=2)

    def _chosen_before(self, count: int) -> list[Optimizer]:
        """The optimizer of each parameter in the pending state, for any current name of the model; empty if none."""
        chosen = np.asarray(self._waiting["slots"][0].get("chosen", ()) if self._waiting else ())
        known = self._known()
        fits = chosen.shape == (count,) and chosen.dtype.kind == "i" and ((chosen >= 0) & (chosen < len(known))).all()
        return [known[index] for index in chosen.tolist()] if fits else []

    def _known(self) -> list[Optimizer]:
        """The optimizers of the map; of a function, those that it has chosen."""
        if isinstance(self.optimizer_map, OptimizerMap):
            return [*self.optimizer_map.values(), self.optimizer_map.default_optimizer]
        return [optimizer for optimizer, _ in self._members]

    def _optimizer_of(self, variable: Any) -> Optimizer:
        chosen = self.optimizer_map
        return chosen[_path(variable)] if isinstance(chosen, OptimizerMap) else Optimizer.get(chosen(variable))

    def apply_packs(self, packs: Sequence[Any]) -> None:
        """Do one training step of each optimizer; see `Optimizer.apply_packs`."""
        self.build_packs(packs)
        gradients = [one for pack in packs for one in _gradients(pack)]
        for optimizer, numbers in self._members:
            optimizer.apply([gradients[number] for number in numbers])
        for pack in packs:
            for parameter, segment in zip(pack.parameters, pack.segments, strict=True):
                pack.values[segment] = np.asarray(parameter).reshape(-1)
        self.batches += 1

    def put_averages(self, packs: Sequence[Any]) -> None:
        """Swap in the averages of the optimizers with `use_ema`."""
        for optimizer in self.optimizers:
            optimizer.finalize_variable_values()

    @property
    def variables(self) -> list[Parameter]:
        """The number of batches, and the variables of the inner optimizers."""
        counted = StateVariable("iteration", self.batches, np.int32, self._set_batches)
        return [counted, *(variable for optimizer in self.optimizers for variable in optimizer.variables)]

    def get_state(self) -> dict[str, Any]:
        """A copy of the mutable state, with the slots of one optimizer after those of another."""
        states = [optimizer.get_state() for optimizer in self.optimizers]
        slots = [vectors for state in states for vectors in state["slots"] if vectors]  # files drop those without any
        counts = np.array([[state["iterations"], sum(map(bool, state["slots"]))] for state in states])
        index = {id(optimizer): number for number, optimizer in enumerate(self._known())}
        chosen = np.zeros(len(self._parts), int)
        for optimizer, numbers in self._members:
            chosen[numbers] = index[id(optimizer)]
        first = {"counts": counts, "chosen": chosen}
        return {"iterations": self.batches, "slots": [first, *slots] if self._members else []}

    def set_state(self, state: dict[str, Any]) -> None:
        """Restore the result of `get_state`; before the first step, restoring is deferred until it begins."""
        self.batches = int(state["iterations"])
        if not state["slots"]:
            return
        if not self._members:
            self._waiting = state
            return
        first, *slots = state["slots"]
        counts = np.asarray(first.get("counts", ()))
        fits = counts.shape == (len(self._members), 2) and counts.dtype.kind == "i" and (counts >= 0).all()
        if not fits or counts[:, 1].sum() != len(slots):
            raise ConfigError(f"{self.name}: the state is that of other optimizers")
        for (optimizer, _), (iterations, count) in zip(self._members, counts.tolist(), strict=True):
            optimizer.set_state({"iterations": iterations, "slots": slots[:count]})
            slots = slots[count:]

    def get_config(self) -> dict[str, Any]:
        """The arguments as plain values in Keras's form; `ConfigError` for a function, which no file can hold."""
        described = {"module": "keras.optimizers", "class_name": "OptimizerMap", "registered_name": None}
        return self._rest() | {"optimizer_map": described | {"config": self._map().get_config()}}

    def to_spec(self) -> dict[str, Any]:
        """`{"MultiOptimizer": {argument: value}}`; `ConfigError` for a function."""
        return {type(self).__name__: self._rest() | {"optimizer_map": self._map().to_spec()}}

    def _map(self) -> OptimizerMap:
        if not isinstance(self.optimizer_map, OptimizerMap):
            raise ConfigError(f"{self.name}: a function of variables is not saved; an OptimizerMap is")
        return self.optimizer_map

    def _rest(self) -> dict[str, Any]:
        return {"loss_scale_factor": self.loss_scale_factor, "name": self.name}


class NoRate(Rate):
    """The learning rate of an optimizer that has none."""

    def __get__(self, optimizer: Any, owner: type) -> Any:
        if optimizer is None:
            return self
        raise AttributeError(NO_RATE)

    def __set__(self, optimizer: Any, value: Any) -> None:
        if self.key in vars(optimizer):
            raise AttributeError(NO_RATE)
        vars(optimizer)[self.key] = value


setattr(MultiOptimizer, Rate.key, NoRate())


def _path(variable: Any) -> str:
    return variable.path if isinstance(variable, Parameter) else "variable"


def _gradients(pack: Any) -> list[Any]:
    """The gradient of each parameter of a pack, in its shape."""
    if isinstance(pack, RowPack):
        return [np.asarray(pack.parameters[0].gradient)]
    return [pack.gradients[part].reshape(one.shape) for one, part in zip(pack.parameters, pack.segments, strict=True)]
