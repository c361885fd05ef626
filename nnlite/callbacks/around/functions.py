"""LambdaCallback: a callback made of functions."""

from collections.abc import Callable
from typing import Any

from nnlite.callbacks.base import Callback
from nnlite.errors import ConfigError
from nnlite.registry.field_types import read

__all__ = ["LambdaCallback"]


class LambdaCallback(Callback):
    """Calls the given functions at the hooks of the same name, with the arguments of the hook.

    Functions cannot be written in a config: this callback is for programs.

    Args:
        on_epoch_begin, on_epoch_end, on_train_begin, on_train_end, on_train_batch_begin, on_train_batch_end: called
            like the methods of `Callback`; None for nothing.
        hooks: any further ones by name, such as `on_test_end`.

    Raises:
        ConfigError: something that cannot be called.

    >>> LambdaCallback(on_epoch_end=lambda epoch, logs: print(epoch, logs)).on_epoch_end(0, {"loss": 0.5})
    0 {'loss': 0.5}
    """

    def __init__(
        self,
        on_epoch_begin: Callable | None = None,
        on_epoch_end: Callable | None = None,
        on_train_begin: Callable | None = None,
        on_train_end: Callable | None = None,
        on_train_batch_begin: Callable | None = None,
        on_train_batch_end: Callable | None = None,
        **hooks: Callable | None,
    ) -> None:
        super().__init__()
        functions = {name: value for name, value in locals().items() if name.startswith("on_")} | hooks
        names = {*functions} & {*dir(Callback)}
        self.functions = {}
        for name, value in functions.items():
            try:
                self.functions |= {} if value is None else {name: read(value, Callable if name in names else Any)}
            except ConfigError as error:
                raise error.within("LambdaCallback", name) from None
        vars(self).update(self.functions)

    def _arguments(self) -> dict[str, Any]:
        return self.functions
