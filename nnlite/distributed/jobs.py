"""Independent jobs, such as trials and folds, run by joblib's backends."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, Literal, TypeVar

from nnlite.errors import ConfigError, needed_for

__all__ = ["Backend", "each"]

Backend = Literal["loky", "threading", "dask"]
Item = TypeVar("Item")
Result = TypeVar("Result")


def each(
    function: Callable[[Item], Result],
    items: Sequence[Item],
    jobs: int,
    backend: Backend = "loky",
    scheduler: str | None = None,
) -> list[Result]:
    """The results of a function for each item, in order, whichever ends first.

    Args:
        function: a function at the top of a module, or a `functools.partial` of one, which takes one item.
        items: what it is called with.
        jobs: how many calls there are at a time; with Dask, workers of a cluster on this machine.
        backend: "loky", processes; "threading", threads; "dask", Dask workers, which are replaced if they die.
        scheduler: the address of a cluster of Dask; one on this machine, for the time of the call, when None.

    Raises:
        MissingLibraryError: joblib or Dask is not installed.
        ConfigError: a scheduler without Dask.

    >>> each(abs, [-1, 2, -3], jobs=2, backend="threading")
    [1, 2, 3]
    """
    if scheduler is not None and backend != "dask":
        raise ConfigError(f"a scheduler is one of Dask's, the backend is {backend!r}", ("scheduler",))
    with needed_for("jobs are run side by side by joblib", "joblib"):
        import joblib
    with _cluster(jobs, scheduler) if backend == "dask" else joblib.parallel_config(backend, n_jobs=jobs):
        results: Any = joblib.Parallel(n_jobs=jobs)(joblib.delayed(function)(item) for item in items)
    return list(results)


@contextmanager
def _cluster(jobs: int, scheduler: str | None) -> Iterator[Any]:
    """A context in which joblib gives its work to Dask."""
    with needed_for("the backend dask needs Dask", "nnlite[dask]"):
        import joblib
        from dask.distributed import Client, LocalCluster
    if scheduler is not None:
        with Client(scheduler), joblib.parallel_config("dask"):
            yield
        return
    alone: dict[str, Any] = {"threads_per_worker": 1, "dashboard_address": None}
    local = LocalCluster(n_workers=jobs, **alone)
    with local as cluster, Client(cluster), joblib.parallel_config("dask"):
        yield
