"""Settings that determine a training, to verify that a resumed one is the same."""

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from nnlite.arrays.fingerprints import fingerprint
from nnlite.callbacks import Callback
from nnlite.data.batches import ArrayBatches
from nnlite.data.members import MemberBatches
from nnlite.distributed import current_team
from nnlite.errors import ConfigError, format_path
from nnlite.registry.field_types import jsonable

if TYPE_CHECKING:
    from nnlite.training.trainer import Trainer

__all__ = ["compare_plans", "differences", "training_plan_of"]

DIFFERENCES_SHOWN = 8
# Arguments of `fit` that decide what is computed, in addition to the data.
OF_FIT = ("batch_size", "shuffle", "steps_per_epoch", "validation_steps", "validation_batch_size", "validation_freq",
          "validation_split", "stratify", "initial_epoch")  # fmt: skip


def training_plan_of(
    trainer: "Trainer", batches: Any, options: Mapping[str, Any], callbacks: Sequence[Callback]
) -> dict[str, Any]:
    """Seed, model, arguments of `compile` and of `fit`, callbacks, and the fingerprint of the data, as JSON values.

    Batches of an iterable are not looked at: their data are None.
    """
    in_memory = isinstance(batches, (ArrayBatches, MemberBatches))
    model: Any = trainer.model
    team = current_team()
    return {
        "seed": model.seed,
        "model": jsonable(model.to_spec()),
        "compile": jsonable(trainer.config()),
        "fit": {name: jsonable(options[name]) for name in OF_FIT},
        "callbacks": [_callback_spec(callback) for callback in callbacks if not callback.watches],
        "data": fingerprint(*batches.arrays) if in_memory else None,
        **({} if team is None else {"distributed": {"shards": team.shards}}),
    }


def _callback_spec(callback: Callback) -> dict[str, Any]:
    plain = {name: value for name, value in callback.get_config().items() if not callable(value) and name != "verbose"}
    return {type(callback).__name__: jsonable(plain)}


def compare_plans(before: Mapping[str, Any], now: Mapping[str, Any], source: object) -> None:
    """`ConfigError` naming the differences between the training in a checkpoint and the one that continues."""
    changed = differences(before, now)
    if changed:
        raise ConfigError(
            f"{source}: this training is not the one that was interrupted: {changed}. Restore what was changed, or "
            "continue anyway by resume_anyway (--resume-anyway)"
        )


def differences(before: Mapping[str, Any], now: Mapping[str, Any]) -> str:
    """The differences between two plans, in words; empty if there are none."""
    changes = list(_differences(before, now, ()))
    lines = []
    for path, old, new in changes[:DIFFERENCES_SHOWN]:
        other_data = path == ("data",)
        lines.append(
            "the data are others" if other_data else f"{format_path(path)} is {_short(new)}, was {_short(old)}"
        )
    more = f"; and {len(changes) - len(lines)} more" if len(changes) > len(lines) else ""
    return "; ".join(lines) + more


def _differences(before: Any, now: Any, path: tuple) -> Iterator[tuple[tuple, Any, Any]]:
    if isinstance(before, Mapping) and isinstance(now, Mapping):
        for key in dict.fromkeys((*before, *now)):
            yield from _differences(before.get(key), now.get(key), (*path, key))
    elif isinstance(before, list) and isinstance(now, list) and len(before) == len(now):
        for index, (old, new) in enumerate(zip(before, now, strict=True)):
            yield from _differences(old, new, (*path, index))
    elif before != now:
        yield path, before, now


def _short(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 60 else f"{text[:57]}..."
