"""Callback, the hooks of training; CallbackList, which calls the hooks of many."""

import math
from collections.abc import Callable, Iterable, Mapping
from typing import Any, ClassVar, Literal, cast

import numpy as np

from nnlite.callbacks.bars import remove_line
from nnlite.metrics.state.kinds import check_state
from nnlite.registry import Configurable
from nnlite.registry.fields import Spec

__all__ = ["Callback", "CallbackList"]

Verbosity = Literal[0, 1, False, True]


class Callback(Configurable, family="callback"):
    """Base of all callbacks: override the hooks that you need.

    `epoch` and `batch` count from 0. `logs` maps names to numbers: `loss` and metrics, in `on_epoch_end` also
    `val_loss` and so on. All callbacks of a list get the same `logs` and may add to it for those after them.

    Attributes:
        model: the model that is trained; setting `model.stop_training = True` ends the training.
        params: settings of the run: `verbose`, `epochs`, `steps` (None: not known), `validation_freq` if it is not 1.

    Example::

        class StopAfter(Callback):
            seconds: float = 60.0

            def on_train_begin(self, logs=None):
                self.start = time.monotonic()

            def on_epoch_end(self, epoch, logs=None):
                self.model.stop_training = time.monotonic() - self.start > self.seconds
    """

    # The attributes that change while training, for `get_state` and `set_state`.
    state_names: ClassVar[tuple[str, ...]] = ()
    # Kinds of values of those that are None, or nothing that says more, when the training begins.
    state_kinds: ClassVar[Mapping[str, tuple[str, ...]]] = {}
    # The names that it adds to the logs of an epoch.
    adds: ClassVar[tuple[str, ...]] = ()
    # Whether it only watches: a training that continues may do so without it, or with another one.
    watches: ClassVar[bool] = False
    # Whether all it does is to write or to show: of processes that train together, the first alone calls its hooks.
    writes: ClassVar[bool] = False
    # Whether its hooks are called after those of all others.
    comes_last: ClassVar[bool] = False

    model = cast(Any, None)  # a model of any kind, set by `set_model`
    params = cast("dict[str, Any]", None)

    def set_model(self, model: Any) -> None:
        """Tell the callback which model it belongs to."""
        self.model = model

    def set_params(self, params: dict) -> None:
        """Pass the settings of the run to the callback."""
        self.params = params

    def check(self, names: list[str] | None) -> None:
        """Raise, before training begins, any error that can be detected by then.

        Args:
            names: names that epochs will log; None if unknown.
        """

    def get_state(self) -> dict[str, Any]:
        """The callback's state during training: the attributes listed in `state_names`.

        A checkpoint keeps it, so that `fit(resume=...)` continues without a difference. Values may be numbers,
        strings, None and arrays; lists, tuples and dicts of such.
        """
        return {name: getattr(self, name) for name in self.state_names}

    def set_state(self, state: dict[str, Any]) -> None:
        """Restore the result of `get_state`; called after `on_train_begin`, or `on_epoch_begin` in mid-epoch."""
        if type(self).__module__.startswith("nnlite."):  # a class of the user's may keep under a name what it likes
            check_state(state, Callback.get_state(self), self.state_kinds)
        for name in self.state_names:
            if name in state:
                setattr(self, name, state[name])

    def listens(self, hook: str) -> bool:
        """Whether `hook` has to be called at all: by default, whether it is overridden."""
        names = (hook, OLDER_NAMES[hook]) if hook in OLDER_NAMES else (hook,)
        return any(name in vars(self) or getattr(type(self), name) is not getattr(Callback, name) for name in names)

    def resumes_from(self) -> Any:
        """The path of the checkpoint that `fit` resumes from, or None."""
        return None

    def on_train_begin(self, logs: dict[str, float] | None = None) -> None:
        """Called once, before the first epoch."""

    def on_train_end(self, logs: dict[str, float] | None = None) -> None:
        """Called once, after the last epoch, with its logs."""

    def on_train_interrupted(self, epoch: int, batch: int) -> None:
        """Called when a signal ends the training between batches; training resumes before this batch of this epoch."""

    def on_epoch_begin(self, epoch: int, logs: dict[str, float] | None = None) -> None:
        """Called before the first batch of an epoch."""

    def on_epoch_end(self, epoch: int, logs: dict[str, float] | None = None) -> None:
        """Called after an epoch and its validation, with the logs of both."""

    def on_train_batch_begin(self, batch: int, logs: dict[str, float] | None = None) -> None:
        """Called before a training step; unless overridden, it calls `on_batch_begin`."""
        self.on_batch_begin(batch, logs)

    def on_train_batch_end(self, batch: int, logs: dict[str, float] | None = None) -> None:
        """Called after a training step, with the values so far in this epoch; it calls `on_batch_end`."""
        self.on_batch_end(batch, logs)

    def on_batch_begin(self, batch: int, logs: dict[str, float] | None = None) -> None:
        """An older name of `on_train_batch_begin`."""

    def on_batch_end(self, batch: int, logs: dict[str, float] | None = None) -> None:
        """An older name of `on_train_batch_end`."""

    def on_test_begin(self, logs: dict[str, float] | None = None) -> None:
        """Called before an evaluation or validation."""

    def on_test_end(self, logs: dict[str, float] | None = None) -> None:
        """Called after an evaluation or validation, with its logs."""

    def on_test_batch_begin(self, batch: int, logs: dict[str, float] | None = None) -> None:
        """Called before a batch of an evaluation or validation."""

    def on_test_batch_end(self, batch: int, logs: dict[str, float] | None = None) -> None:
        """Called after a batch of an evaluation or validation, with the values so far."""

    def on_predict_begin(self, logs: dict[str, float] | None = None) -> None:
        """Called before a prediction."""

    def on_predict_end(self, logs: dict[str, float] | None = None) -> None:
        """Called after a prediction."""

    def on_predict_batch_begin(self, batch: int, logs: dict[str, float] | None = None) -> None:
        """Called before a batch of a prediction."""

    def on_predict_batch_end(self, batch: int, logs: dict[str, float] | None = None) -> None:
        """Called after a batch of a prediction; `logs["outputs"]` has its outputs."""


OLDER_NAMES = {"on_train_batch_begin": "on_batch_begin", "on_train_batch_end": "on_batch_end"}
HOOKS = tuple(name for name in vars(Callback) if name.startswith("on_") and name not in OLDER_NAMES.values())


class CallbackList:
    """Calls the hooks of all callbacks, in order: `callback_list.on_epoch_end(epoch, logs)` and so on.

    The listeners of each hook are determined when the list is made, so that an unused hook costs nothing:
    ask `wants(hook)` once before a loop.

    Args:
        callbacks: callbacks, or specs of callbacks as `Callback.get` reads them; one, several or None.
        model: given to each callback by `set_model`.
        writing: whether those that only write are called too.
        add_history, add_progbar: append a `History` and a `ProgbarLogger`, unless there is one.
        params: given to each callback by `set_params`.
    """

    on_train_begin: Callable[..., None]
    on_train_end: Callable[..., None]
    on_train_interrupted: Callable[..., None]
    on_epoch_begin: Callable[..., None]
    on_epoch_end: Callable[..., None]
    on_train_batch_begin: Callable[..., None]
    on_train_batch_end: Callable[..., None]
    on_test_begin: Callable[..., None]
    on_test_end: Callable[..., None]
    on_test_batch_begin: Callable[..., None]
    on_test_batch_end: Callable[..., None]
    on_predict_begin: Callable[..., None]
    on_predict_end: Callable[..., None]
    on_predict_batch_begin: Callable[..., None]
    on_predict_batch_end: Callable[..., None]

    def __init__(
        self,
        callbacks: Spec[Callback] | Iterable[Spec[Callback]] | None = None,
        model: Any = None,
        writing: bool = True,
        *,
        add_history: bool = False,
        add_progbar: bool = False,
        **params: Any,
    ) -> None:
        several = isinstance(callbacks, Iterable) and not isinstance(callbacks, (str, dict))
        specs: list[Any] = list(cast(Any, callbacks)) if several else [] if callbacks is None else [callbacks]
        listed = [Callback.get(spec) for spec in specs]
        for one in [Callback.get(name) for name in ["History"] * add_history + ["ProgbarLogger"] * add_progbar]:
            listed += [] if any(isinstance(other, type(one)) for other in listed) else [one]
        self.callbacks, self.writing = listed, writing
        self.set_model(model)
        self.set_params(params)
        self._connect()

    def append(self, callback: Spec[Callback]) -> None:
        """Add a callback, whose hooks are called after those of the others, except for those that come last."""
        added = Callback.get(callback)
        added.set_model(self.model)
        added.set_params(self.params)
        self.callbacks.append(added)
        self._connect()

    def set_model(self, model: Any) -> None:
        """Tell each callback which model it belongs to."""
        self.model = model
        for callback in self.callbacks:
            callback.set_model(model)

    def _connect(self) -> None:
        """Determine the listeners of each hook."""
        self.callbacks.sort(key=lambda callback: callback.comes_last)
        called = [callback for callback in self.callbacks if self.writing or not callback.writes]
        self._listeners = {
            hook: [getattr(callback, hook) for callback in called if callback.listens(hook)] for hook in HOOKS
        }
        for hook, listeners in self._listeners.items():
            setattr(self, hook, _dispatcher(listeners))
        for hook in OLDER_NAMES.values():
            setattr(self, hook, _dispatcher([getattr(callback, hook) for callback in called]))

    def set_params(self, params: dict[str, Any]) -> None:
        """Give each callback further parameters."""
        self.params = params
        for callback in self.callbacks:
            callback.set_params(params)

    def check(self, names: list[str] | None) -> None:
        """Let each callback check, before training begins, what can be checked by then."""
        for callback in self.callbacks:
            callback.check(names)

    def wants(self, hook: str) -> bool:
        """Whether any callback listens to `hook`."""
        return bool(self._listeners[hook])


def _dispatcher(listeners: list[Callable]) -> Callable:
    if len(listeners) == 1:
        return listeners[0]

    def dispatch(*arguments, **options) -> None:
        for listener in listeners:
            listener(*arguments, **options)

    return dispatch


def scalars(logs: dict[str, float] | None) -> dict[str, float]:
    """The logs that are scalars."""
    return {name: float(value) for name, value in (logs or {}).items() if np.ndim(value) == 0}


def for_json(value: Any) -> Any:
    """A number, or a collection of numbers, as JSON allows them: those that are not finite become None."""
    if np.ndim(value):
        return [for_json(item) for item in value]
    return float(value) if math.isfinite(value) else None


def announce(message: str) -> None:
    """Print a line without breaking the progress bar on the screen."""
    remove_line()
    print(message)
