"""A Bayesian network compiled to a graph of sum-product layers, itself a layer; everything except its queries."""

import itertools
from collections.abc import Sequence
from typing import Any

import numpy as np

from nnlite.arrays.types import BatchShape
from nnlite.circuits.jacobians import CircuitJacobians
from nnlite.circuits.layers import Semiring, SumProduct
from nnlite.circuits.networks.evidence import read_evidence
from nnlite.circuits.networks.network import BayesianNetwork
from nnlite.circuits.networks.ordering import elimination_order
from nnlite.circuits.sweeping.compiling import Plan, compile_plan
from nnlite.circuits.sweeping.steps import Step, steps_of
from nnlite.circuits.sweeping.sweeps import Sweep
from nnlite.config import FloatType
from nnlite.errors import ConfigError, DataError, ShapeError, did_you_mean
from nnlite.jacobians import GraphJacobians, Node
from nnlite.kernels import keep_freed_memory
from nnlite.layers import Layer
from nnlite.random import RandomSource
from nnlite.registry.bounds import Count, Index
from nnlite.registry.fields import FromSpec, Settled, option

__all__ = []

TINY = 1e-300  # in place of a probability of 0 that is not a structural zero
PLANS_KEPT = 32


class CompiledNetwork(Layer, abstract=True):
    """`Circuit` as a layer: a graph of `SumProduct` layers, one for each variable that is summed out."""

    network: FromSpec[BayesianNetwork]
    target: str | None = None
    order: Sequence[str] | None = None
    restarts: Count = option(default=16, kw_only=True)
    seed: Index = option(default=0, kw_only=True)
    max_entries: Count = option(default=2**24, kw_only=True)
    semiring: Semiring = option(default="sum", kw_only=True)
    dtype: Settled[FloatType] = option(default="float64", kw_only=True)

    def validate(self) -> None:
        network = self.network
        if self.target is not None and self.target not in network.states:
            near = did_you_mean(self.target, network.variables)
            raise ConfigError(f"there is no variable {self.target!r}; {near}", (type(self).__name__, "target"))
        targets = () if self.target is None else (network.index(self.target),)
        self.families = [
            [network.index(variable) for variable in (*network.parents[name], name)] for name in network.variables
        ]
        self.columns = self._columns(targets)
        self.plan = self.plan_for(targets)
        self.starts = np.concatenate([[0], np.cumsum(network.cards)])
        self.observed = [network.index(name) for name in network.observed]
        self.layers = self._layers()
        shapes = [network.shape(variable) for variable in network.variables]
        self.row_lengths = np.concatenate([np.full(int(np.prod(shape[:-1])), shape[-1]) for shape in shapes])
        self.row_starts = np.concatenate([[0], np.cumsum(self.row_lengths)[:-1]])
        self.table_starts = np.cumsum([int(np.prod(shape)) for shape in shapes])[:-1]
        self._plans: dict[Any, tuple[Plan, list[Step]]] = {}
        self._settings: dict[str, Any] | None = None

    def _columns(self, targets: Sequence[int]) -> tuple[int, ...]:
        names, network = self.network.variables, self.network
        if self.order is None:
            self.order = [names[column] for column in self._cheapest(self.families, targets, self.restarts)]
        if sorted(self.order) != sorted(names):
            raise ConfigError("expected each variable once", (type(self).__name__, "order"))
        return tuple(network.index(name) for name in self.order)

    def plan_for(self, targets: Sequence[int] = (), known: Sequence[int] | frozenset[int] = ()) -> Plan:
        """The buckets that compute the joint distribution of `targets`, with `known` columns looked up."""
        order = self.columns
        if targets and set(targets) != {self.network.index(name) for name in (self.target,) if name is not None}:
            scopes = [[variable for variable in family if variable not in known] for family in self.families]
            order = self._cheapest([*scopes, targets], targets, restarts=1)
        return compile_plan(self.families, self.network.cards, order, targets, known)

    def _cheapest(self, scopes: Sequence[Sequence[int]], targets: Sequence[int], restarts: int) -> tuple[int, ...]:
        """The columns in the order found for factors of these scopes, with `targets` behind all others."""
        return elimination_order(
            scopes,
            self.network.cards,
            targets,
            restarts=restarts,
            seed=self.seed,
            max_entries=self.max_entries,
            names=self.network.variables,
        ).columns

    def _layers(self) -> list[SumProduct]:
        names, plan = self.network.variables, self.plan
        layers = []
        for bucket in plan.buckets:
            inputs = [(names[variable],) for variable in bucket.evidence]
            inputs += [tuple(names[variable] for variable in plan.buckets[number].scope) for number in bucket.messages]
            tables = {names[table]: tuple(names[each] for each in plan.families[table]) for table in bucket.tables}
            used = {axis for scope in (*inputs, *tables.values()) for axis in scope}
            layers.append(
                SumProduct(
                    tuple(inputs),
                    {name: len(self.network.states[name]) for name in names if name in used},
                    tables,
                    tuple(names[variable] for variable in bucket.scope),
                    self.semiring,
                    dtype=self.dtype,
                    name=f"sum_{names[bucket.variable]}" if bucket.variable is not None else "root",
                )
            )
        return layers

    def build(self, input_shape: BatchShape) -> None:
        self._check_input_shape(input_shape)
        self.input_kind = "numbers" if input_shape[-1] == self.starts[-1] else "indices"
        for name in self.network.variables:
            self.add_weight(self.network.shape(name), "zeros", name=name)
            self.add_weight(self.network.shape(name), "ones", name=f"{name}_support", trainable=False)
        self.set_tables(self.network.cpts)
        by_name = {parameter.name: parameter for parameter in self.parameters}
        for layer, bucket in zip(self.layers, self.plan.buckets, strict=True):
            layer._ensure_built(tuple((None, *layer.shape(scope)) for scope in layer.inputs))
            names = [self.network.variables[table] for table in bucket.tables]
            layer.parameters = [by_name[table_name] for name in names for table_name in (name, f"{name}_support")]

    def set_tables(self, tables: Any) -> None:
        """Set the logits, and the support of structural zeros, from `{variable: probabilities}`."""
        for name, table in tables.items():
            index = 2 * self.network.index(name)
            table = np.asarray(table, np.float64)
            self.parameters[index].assign(np.log(np.maximum(table, TINY)))
            self.parameters[index + 1].assign(np.where(table > 0, 1, 0))

    def update_tables(self, tables: Any) -> None:
        """Set the logits from `{variable: probabilities}`; the support stays, zeros inside it become tiny."""
        for name, table in tables.items():
            self.parameters[2 * self.network.index(name)].assign(np.log(np.maximum(table, TINY)))

    def tables(self) -> list[np.ndarray]:
        """The probabilities of each variable, the softmax of its logits, in float64."""
        self.ensure_built()
        logits = np.concatenate([parameter.value.ravel() for parameter in self.parameters[::2]]).astype(
            np.float64, copy=False
        )
        support = np.concatenate([parameter.value.ravel() for parameter in self.parameters[1::2]])
        logits = np.where(support != 0, logits, -np.inf)
        weights = np.exp(logits - np.repeat(np.maximum.reduceat(logits, self.row_starts), self.row_lengths))
        weights /= np.repeat(np.add.reduceat(weights, self.row_starts), self.row_lengths)
        parts = np.split(weights, self.table_starts)
        return [part.reshape(parameter.shape) for part, parameter in zip(parts, self.parameters[::2], strict=True)]

    def ensure_built(self) -> None:
        """Create the circuit's parameters, unless it has them."""
        if not self.built:
            self._ensure_built((None, int(self.starts[-1])))

    def to_network(self) -> BayesianNetwork:
        """The network with the current tables."""
        return self.network.with_cpts(dict(zip(self.network.variables, self.tables(), strict=True)))

    def to_bif(self, path: Any = None) -> str:
        """The network with the current tables as BIF text, also written to `path` if given."""
        return self.to_network().to_bif(path)

    def _ensure_built(self, input_shape: tuple, random: RandomSource | None = None) -> tuple:
        if self.built and self.input_shape is not None:
            self._check_input_shape(input_shape)
            return self.output_shape
        return super()._ensure_built(input_shape, random)

    def _check_input_shape(self, shape: tuple) -> None:
        """`ShapeError` unless a row has log-likelihoods of all states, or a state number for each variable."""
        if len(shape) != 2 or shape[1] not in (self.starts[-1], len(self.observed), len(self.families)):
            raise ShapeError(
                f"{self.label} needs {self.starts[-1]} log-likelihoods or {len(self.observed)} state numbers a row, "
                f"got inputs of shape {tuple(shape)}"
            )

    def compute_output_shape(self, input_shape: BatchShape) -> BatchShape:
        return (input_shape[0], 1 if self.target is None else len(self.network.states[self.target]))

    def linearize(self, inputs: np.ndarray, *parameters: np.ndarray) -> tuple[np.ndarray, CircuitJacobians]:
        return self.log_sweep(inputs, parameters, self.semiring)

    def log_sweep(
        self, inputs: np.ndarray, parameters: Sequence[np.ndarray], semiring: Semiring
    ) -> tuple[np.ndarray, CircuitJacobians]:
        """As `linearize`, in either semiring."""
        derivable = inputs.shape[-1] == self.starts[-1]
        first: Any = parameters[0]
        kind = first.real.dtype
        lambdas = inputs if derivable else self.log_likelihoods(self._checked_codes(inputs)).astype(kind, copy=False)
        count = len(self.families)
        values: list[np.ndarray] = [lambdas[:, a:b] for a, b in itertools.pairwise(self.starts)]
        values += parameters
        nodes, messages = [], []
        for layer, bucket in zip(self.layers, self.plan.buckets, strict=True):
            data = [*bucket.evidence, *(messages[number] for number in bucket.messages)]
            weights = [count + 2 * table + part for table in bucket.tables for part in (0, 1)]
            message, jacobians = layer.run(
                tuple(values[slot] for slot in data), [values[slot] for slot in weights], semiring
            )
            messages.append(len(values))
            values.append(message)
            nodes.append(Node(jacobians, (*data, *weights), (messages[-1],), layer.name))
        output = values[-1]
        shapes = [
            None if index >= count and (index - count) % 2 else value.shape
            for index, value in enumerate(values[: count + len(parameters)])
        ]
        graph = GraphJacobians(nodes, shapes, [(messages[-1], output.shape)], data=count)
        rows = output.reshape(len(output), -1)
        return rows, CircuitJacobians(graph, inputs.shape, rows.shape, self.starts.tolist(), derivable)

    def counts_by_layers(self, jacobians: CircuitJacobians, seed: np.ndarray) -> list[np.ndarray]:
        """Sum over rows of the derivative with respect to log theta, `theta * d log P / d theta`, of every table.

        Each layer's cotangent of its product is the posterior of the product's variables; a table gets its sums.
        """
        counts: dict[int, np.ndarray] = {}
        cotangents: dict[Any, np.ndarray] = {jacobians.graph.outputs[0][0]: seed.reshape(jacobians.graph.out_shape)}
        for node, bucket in zip(reversed(jacobians.graph.nodes), reversed(self.plan.buckets), strict=True):
            bundle: Any = node.jacobians
            top = cotangents.pop(node.outputs[0])
            inner = bundle.outer.vjp(top)
            for index in range(bundle.data):
                cotangents[node.inputs[index]] = bundle.maps[index].vjp(inner)
            for number, table in enumerate(bucket.tables):
                aligned = bundle.maps[bundle.data + 2 * number].maps[0]
                counts[table] = aligned.vjp(inner)
        return [counts[variable] for variable in range(len(self.families))]

    def _checked_codes(self, inputs: np.ndarray) -> np.ndarray:
        if inputs.dtype.kind not in "biuf":
            raise DataError(f"{self.label} needs state numbers, got {inputs.dtype}")
        return inputs

    def log_likelihoods(self, rows: Any) -> np.ndarray:
        """log lambda of all variables side by side, `(rows, states of all variables)`; see `marginals` for rows."""
        return read_evidence(self.network, rows).log_likelihoods(self.network.cards)

    def sweep(self, targets: Sequence[int] = (), known: frozenset[int] = frozenset()) -> Sweep:
        """A fast pass through the circuit with its current tables; plans are cached."""
        key = (tuple(targets), known)
        if key not in self._plans:
            if len(self._plans) >= PLANS_KEPT:
                self._plans.pop(next(iter(self._plans)))
            keep_freed_memory()
            plan = self.plan_for(targets, known)
            self._plans[key] = plan, steps_of(plan)
        plan, steps = self._plans[key]
        return Sweep(plan, self.tables(), steps)
