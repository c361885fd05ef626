"""A circuit as a layer: posteriors by hand from explicit Jacobians, gradients, saving, training."""

import subprocess
import sys

import numpy as np
import pytest
from bayes_nets import clinic, patterns, random_network

from nnlite.check import check_layer
from nnlite.circuits import Circuit, SumProduct, WidthError
from nnlite.errors import ConfigError, ShapeError
from nnlite.models import Sequential, load_model

EVIDENCE = [{"x ray": "dark", "breathless": "yes"}, {"abroad": "yes", "cough": "dry"}, {}]


def test_explicit_jacobians_multiplied_by_hand_are_the_posteriors():
    circuit = Circuit(clinic())
    log_lambda = circuit.log_likelihoods(EVIDENCE)
    circuit.forward(log_lambda)
    backward = circuit.backward(1)[0]
    count = len(circuit.network.variables)
    values = {own: log_lambda[:, circuit.starts[own] : circuit.starts[own + 1]] for own in range(count)}
    messages, steps = [], []
    for layer, bucket in zip(circuit.layers, circuit.plan.buckets, strict=True):
        inputs = (*(values[own] for own in bucket.evidence), *(messages[number] for number in bucket.messages))
        messages.append(layer.forward(inputs))
        steps.append([layer.jacobians[place].todense() for place in range(len(inputs))])
    rows = len(EVIDENCE)
    derivative = {len(steps) - 1: np.eye(rows)}  # of log P by log P
    posterior = np.zeros_like(log_lambda)
    for number in range(len(steps) - 1, -1, -1):
        bucket, incoming = circuit.plan.buckets[number], derivative[number].reshape(rows, -1)
        sources = [*(("lambda", own) for own in bucket.evidence), *(("message", own) for own in bucket.messages)]
        for (kind, own), jacobian in zip(sources, steps[number], strict=True):
            product = incoming @ jacobian.reshape(incoming.shape[1], -1)  # the chain rule, nothing else
            if kind == "message":
                derivative[own] = product
            else:
                diagonal = product.reshape(rows, rows, -1)[np.arange(rows), np.arange(rows)]
                posterior[:, circuit.starts[own] : circuit.starts[own + 1]] = diagonal
    assert posterior == pytest.approx(backward, abs=1e-14)
    found = np.concatenate(list(circuit.marginals(EVIDENCE).values()), axis=1)
    assert posterior == pytest.approx(found, abs=1e-13)


def test_the_jacobian_of_a_sum_is_row_stochastic():
    circuit = Circuit(clinic())
    circuit.forward(circuit.log_likelihoods(EVIDENCE))
    for node in circuit.jacobians.graph.nodes:
        shares = node.jacobians.outer
        assert type(shares).__name__ == "RowStochastic"
        dense = shares.todense().reshape(int(np.prod(shares.out_shape)), -1)
        sums = dense.sum(axis=1)
        assert np.all((np.abs(sums - 1) < 1e-12) | (sums == 0))
        first = node.jacobians.maps[0].todense()
        assert set(np.unique(first)) <= {0.0, 1.0}


def test_gradients_by_log_lambda_and_logits_are_complex_steps():
    for network in (clinic(), random_network(3)):
        circuit = Circuit(network)
        rows = patterns(network, 7, seed=1)
        log_lambda = circuit.log_likelihoods(rows)
        circuit.forward(log_lambda)
        by_lambda, *by_parameters = circuit.backward(1)
        generator = np.random.default_rng(0)
        direction = generator.normal(size=log_lambda.shape)
        with np.errstate(invalid="ignore"):
            stepped = log_lambda + 1e-30j * direction
        step = circuit.linearize(stepped, *circuit.values)[0].imag / 1e-30
        assert step[:, 0] == pytest.approx((by_lambda * direction).sum(axis=1), abs=1e-12)
        for place in range(0, len(circuit.parameters), 2):
            direction = generator.normal(size=circuit.parameters[place].shape)
            values = [own.astype(complex) if place == number else own for number, own in enumerate(circuit.values)]
            values[place] += 1e-30j * direction
            step = circuit.linearize(log_lambda, *values)[0].imag.sum() / 1e-30
            assert step == pytest.approx((by_parameters[place] * direction).sum(), abs=1e-12)
            support = circuit.parameters[place + 1].value
            assert not by_parameters[place][support == 0].any()  # structural zeros
            assert by_parameters[place + 1] is None


@pytest.mark.parametrize("target", [None, "flu"])
@pytest.mark.parametrize("semiring", ["sum", "max"])
def test_the_contract_of_layers_is_kept(target, semiring):
    circuit = Circuit(clinic(), target=target, semiring=semiring)
    report = check_layer(circuit, (None, 18))
    assert report.ok, str(report)


def test_a_layer_alone_keeps_the_contract():
    for semiring in ("sum", "max"):
        layer = SumProduct(
            [["a"], ["b", "a"]], {"a": 2, "b": 3, "c": 2}, {"c": ["b", "a", "c"]}, message=["b"], semiring=semiring
        )
        report = check_layer(layer, ((None, 2), (None, 3, 2)))
        assert report.ok, str(report)


def test_codes_and_log_likelihoods_are_the_same_inputs():
    circuit = Circuit(clinic())
    rows = patterns(clinic(), 9, seed=6).astype(float)
    expected = circuit.log_prob(rows)[:, None]
    assert circuit(rows) == pytest.approx(expected, abs=1e-12)
    assert Circuit(clinic())(np.where(rows < 0, np.nan, rows)) == pytest.approx(expected, abs=1e-12)
    assert circuit(circuit.log_likelihoods(rows)) == pytest.approx(expected, abs=1e-12)
    with pytest.raises(ShapeError, match="18 log-likelihoods or 8 state numbers a row"):
        circuit(np.zeros((2, 5)))


def test_a_saved_circuit_is_loaded_without_importing_the_room(tmp_path):
    circuit = Circuit(clinic())
    model = Sequential([circuit])
    rows = patterns(clinic(), 4, seed=2)
    expected = model.predict(rows)
    circuit.parameters[0].value[...] += [0.5, 0]
    changed = model.predict(rows)
    assert np.abs(changed - expected).max() > 1e-3
    model.save(tmp_path / "circuit.safetensors")
    assert np.array_equal(load_model(tmp_path / "circuit.safetensors").predict(rows), changed)
    code = (
        "import sys; from nnlite.models import load_model; import numpy as np; "
        "model = load_model(sys.argv[1]); print(model.layers[0].log_prob(np.array(eval(sys.argv[2]))).tolist())"
    )
    command = [sys.executable, "-c", code, str(tmp_path / "circuit.safetensors"), str(rows.tolist())]
    printed = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    assert np.allclose(eval(printed), changed[:, 0], atol=1e-12)


def test_a_config_makes_the_same_circuit():
    circuit = Circuit(clinic(), target="flu")
    other = Circuit.from_config(circuit.get_config())
    assert other.network == circuit.network
    assert other.order == circuit.order
    rows = patterns(clinic(), 4, seed=2)
    assert np.array_equal(other(rows), circuit(rows))


def test_tables_go_back_into_a_network():
    network = random_network(2)
    circuit = Circuit(network)
    back = circuit.to_network()
    for name in network.variables:
        assert back.cpts[name] == pytest.approx(network.cpts[name], abs=1e-15)
        assert np.array_equal(back.cpts[name] == 0, network.cpts[name] == 0)


def test_too_wide_a_circuit_is_refused_with_numbers():
    with pytest.raises(WidthError, match=r"width \d+; the limit is 10 entries") as error:
        Circuit(clinic(), max_entries=10)
    assert error.value.entries == max(clinic_tables())
    assert error.value.variable in clinic().variables


def clinic_tables():
    plan = Circuit(clinic()).plan
    return [plan.size(bucket.axes) for bucket in plan.buckets]


def test_wrong_arguments_are_named():
    with pytest.raises(ConfigError, match="expected each variable once"):
        Circuit(clinic(), order=["flu"])
    with pytest.raises(ConfigError, match="no number of states"):
        SumProduct([["a"]], {"b": 2})
    with pytest.raises(ConfigError, match="no factor has 'b'"):
        SumProduct([["a"]], {"a": 2, "b": 2}, message=["b"])
    with pytest.raises(ConfigError, match="expected a network"):
        Circuit(3)
    with pytest.raises(ConfigError, match=r"network\.sattes: unknown argument 'sattes'; did you mean 'states'"):
        Circuit({"sattes": {"flu": ["yes", "no"]}})
    with pytest.raises(ConfigError, match=r"network\.parents\.flu: variable 'flu': has a parent 'abrod'"):
        Circuit({"states": {"abroad": ["yes", "no"], "flu": ["yes", "no"]}, "parents": {"flu": ["abrod"]}})
