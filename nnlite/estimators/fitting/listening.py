"""scikit-learn's callbacks, in versions that have them, notified of every epoch."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, TypeVar

from nnlite.callbacks import Callback, LambdaCallback

try:
    from sklearn.callback import CallbackSupportMixin, with_callbacks  # type: ignore[assignment]
except ImportError:  # scikit-learn before 1.9
    Method = TypeVar("Method", bound=Callable[..., Any])

    class CallbackSupportMixin:  # type: ignore[no-redef]
        """Nothing: this version of scikit-learn has no callbacks."""

    def with_callbacks(method: Method) -> Method:
        """`method`, unchanged."""
        return method


__all__ = ["CallbackSupportMixin", "told_of_epochs", "with_callbacks"]


@contextmanager
def told_of_epochs(estimator: Any, epochs: int, X: Any, y: Any) -> Iterator[list[Callback]]:
    """The callbacks to train with, including one that notifies scikit-learn's of the fit and of each epoch, if needed.

    Args:
        estimator: whose `fit` it is; `set_callbacks` gave it the callbacks.
        epochs: the most there will be.
        X, y: what `fit` was given.
    """
    if "_skl_callbacks" not in vars(estimator) and "_parent_callback_ctx" not in vars(estimator):
        yield []
        return
    fit = estimator._init_callback_context(max_subtasks=epochs)
    data = {"estimator": estimator, "X": X, "y": y}
    fit.call_on_fit_task_begin(**data)
    tasks: list[Any] = []

    def begin(epoch: int, logs: Any = None) -> None:
        tasks[:] = [fit.subcontext(task_name="epoch")]
        tasks[0].call_on_fit_task_begin(**data)

    def end(epoch: int, logs: Any = None) -> None:
        if tasks[0].call_on_fit_task_end(**data, metadata=dict(logs or {})):
            listener.model.stop_training = True

    listener = LambdaCallback(on_epoch_begin=begin, on_epoch_end=end)
    yield [listener]
    fit.call_on_fit_task_end(**data, reconstruction_attributes={})
