"""One pass over the data: training, validation and evaluation are the same loop with another step."""

from nnlite.data.batches import count_rows
from nnlite.metrics import Mean


def run_epoch(model, batches, step, callbacks, phase: str) -> tuple[dict[str, float], int]:
    """Run `step` over all batches.

    Args:
        model: its metrics are updated; while training, its flag `stop_training` ends the epoch.
        batches: has `epoch(step)`, which yields `(x, y, sample_weight)`.
        step: returns the loss and the raw outputs of a batch.
        callbacks: its hooks `on_<phase>_batch_begin` and `_end` are called if anybody listens.
        phase: `"train"` or `"test"`.

    Returns:
        The loss, averaged over examples, and the metrics; the number of batches.
    """
    on_begin, on_end = (
        getattr(callbacks, hook) if callbacks.wants(hook) else None
        for hook in (f"on_{phase}_batch_begin", f"on_{phase}_batch_end")
    )
    loss, done = Mean(), 0
    for metric in model.metrics:
        metric.reset_state()
    for x, y, sample_weight in batches.epoch(model.optimizer.iterations):
        if on_begin:
            on_begin(done)
        value, outputs = step(x, y, sample_weight)
        loss.update_state(value, count_rows(x))
        model.update_metrics(y, outputs, sample_weight)
        if on_end:
            on_end(done, _logs(loss, model))
        done += 1
        if phase == "train" and model.stop_training:
            break
    return _logs(loss, model), done


def _logs(loss, model):
    return {"loss": loss.result()} | {metric.name: metric.result() for metric in model.metrics}
