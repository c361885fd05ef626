"""The loss of alignments: against PyTorch's, with masks, refusals, and in training."""

import numpy as np
import pytest
from numeric import relative_error

from nnlite import losses
from nnlite.errors import DataError, ShapeError
from nnlite.layers import GRU, Dense, Input, Masking
from nnlite.losses import CTC, Loss
from nnlite.models import Sequential, load_model

random = np.random.default_rng(0)
LOGITS = random.normal(size=(4, 9, 5))
LABELS = np.array([[1, 2, 3], [1, 1, 0], [4, 0, 0], [0, 0, 0]])


def test_value_and_gradient_are_those_of_pytorch():
    torch = pytest.importorskip("torch")
    logits = torch.tensor(LOGITS, requires_grad=True)
    lengths = torch.tensor((LABELS != 0).sum(1))
    steps = torch.full((4,), 9)
    rows = torch.nn.functional.ctc_loss(
        logits.log_softmax(-1).transpose(0, 1), torch.tensor(LABELS), steps, lengths, reduction="none"
    )
    rows.sum().backward()
    loss = CTC(reduction="sum")
    assert relative_error(losses.ctc(LABELS, LOGITS), rows.detach().numpy()) <= 1e-12
    assert relative_error(loss.forward(LABELS, LOGITS), rows.sum().item()) <= 1e-12
    assert relative_error(loss.backward(), logits.grad.numpy()) <= 1e-12


def test_names():
    assert isinstance(Loss.get("ctc"), CTC)
    assert isinstance(losses.get("CTC"), CTC)
    assert Loss.get(losses.ctc).get_config() == CTC().get_config()
    single = CTC()(LABELS, LOGITS.astype(np.float32))
    assert single == pytest.approx(CTC()(LABELS, LOGITS), rel=1e-6)


def test_masked_steps_are_taken_out():
    loss, mask = CTC(), random.random((4, 9)) < 0.7
    mask[:, :4] = True
    value, by_outputs = loss.linearize(LABELS, LOGITS, None, mask)
    rows = [losses.ctc(LABELS[[row]], LOGITS[[row]][:, mask[row]])[0] for row in range(4)]
    assert relative_error(value, np.mean(rows)) <= 1e-12
    assert not by_outputs.gradients[~mask].any()
    weights = np.array([1.0, 0.0, 2.0, 0.5])
    assert relative_error(loss.linearize(LABELS, LOGITS, weights, mask)[0], np.dot(rows, weights) / 4) <= 1e-12


def test_what_is_refused():
    for labels, error, message in (
        ([[1, 1, 1, 1, 1, 2]] * 4, DataError, "labels of row 0 need 10 steps, the outputs have 9"),
        ([[1, 0, 2]] * 4, DataError, r"0 means no label and may only follow the last label, got \[1, 0, 2\]"),
        ([[1, 5, 0]] * 4, DataError, "hold class 5, but the model has 5 outputs"),
        ([[1, -1, 0]] * 4, DataError, "hold class -1"),
        ([[1, 0.5, 0]] * 4, DataError, "integers"),
        ([1, 2, 3, 4], ShapeError, r"targets of shape \(batch, labels\)"),
    ):
        with pytest.raises(error, match=message):
            CTC()(labels, LOGITS)
    with pytest.raises(ShapeError, match=r"outputs of shape \(batch, steps, classes\)"):
        CTC()(LABELS, LOGITS[:, 0])
    mask = np.zeros((4, 9), bool)
    mask[:, :2] = True
    with pytest.raises(DataError, match="labels of row 0 need 3 steps, the outputs have 2"):
        CTC().linearize(LABELS, LOGITS, None, mask)


def test_training(tmp_path):
    x = random.normal(size=(12, 8, 3))
    x[:, 6:] *= (np.arange(12) % 2)[:, None, None]
    y = np.stack([1 + (x[:, 0, 0] > 0), 1 + (x[:, 3, 0] > 0), np.zeros(12)], axis=1).astype(int)
    model = Sequential([Input((8, 3)), Masking(), GRU(12, return_sequences=True), Dense(3)], seed=0)
    model.compile({"Adam": {"learning_rate": 0.02}}, "ctc")
    found = model.fit(x, y, epochs=60, batch_size=6, verbose=0).history["loss"]
    assert found[-1] < 0.2 * found[0]
    model.save(tmp_path / "model.safetensors")
    assert load_model(tmp_path / "model.safetensors").evaluate(x, y, verbose=0) == model.evaluate(x, y, verbose=0)
