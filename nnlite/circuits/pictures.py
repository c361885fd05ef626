"""Display of a circuit: its sizes as text, its buckets as a plot."""

from typing import TYPE_CHECKING, Any, NamedTuple

from nnlite.charts import aligned_lines
from nnlite.errors import needed_for
from nnlite.jacobians.maps.base import readable_bytes

if TYPE_CHECKING:
    from nnlite.circuits.compiled import CompiledNetwork

__all__ = ["Sizes"]


class Sizes(NamedTuple):
    """Size of a circuit.

    Attributes:
        variables, parameters: of the network; free logits, one for each entry that is not a structural zero.
        layers: sum-product layers.
        width: variables of the largest table, less one.
        largest: entries of the largest table.
        nodes: sums and products: entries of all messages and of all tables.
        edges: from terms to sums and from factors to products.
    """

    variables: int
    parameters: int
    layers: int
    width: int
    largest: int
    nodes: int
    edges: int


def sizes_of(circuit: "CompiledNetwork") -> Sizes:
    """The sizes of a circuit."""
    plan, network = circuit.plan, circuit.network
    free = sum(int((table > 0).sum()) for table in network.cpts.values())
    nodes = edges = 0
    for bucket in plan.buckets:
        entries, factors = plan.size(bucket.axes), len(bucket.tables) + len(bucket.evidence) + len(bucket.messages)
        nodes += plan.size(bucket.scope) + entries
        edges += entries * (factors + 1)
    widest = plan.largest
    return Sizes(
        len(network.variables), free, len(plan.buckets), len(widest.axes) - 1, plan.size(widest.axes), nodes, edges
    )


def summary(circuit: "CompiledNetwork") -> str:
    """The sizes, and a line for each layer with its inputs and outputs."""
    sizes, names, plan = sizes_of(circuit), circuit.network.variables, circuit.plan
    widest = plan.largest.variable
    at = f", at {names[widest]}" if widest is not None else ""
    lines = [
        f"{circuit.network.name}: {sizes.variables} variables, {sizes.parameters:,} parameters, {sizes.layers} layers",
        f"width {sizes.width}, largest table {sizes.largest:,} entries ({readable_bytes(8 * sizes.largest)} a row){at}",
        f"{sizes.nodes:,} nodes, {sizes.edges:,} edges",
        "",
    ]
    table = [("layer", "tables", "messages from", "message over", "entries")]
    for layer, bucket in zip(circuit.layers, plan.buckets, strict=True):
        sources = ", ".join(str(circuit.layers[number].name) for number in bucket.messages)
        tables = ", ".join(names[column] for column in bucket.tables)
        scope = ", ".join(names[column] for column in bucket.scope)
        table.append((str(layer.name), tables or "-", sources or "-", scope or "-", f"{plan.size(bucket.axes):,}"))
    return "\n".join([*lines, *aligned_lines(table)])


def plot(circuit: "CompiledNetwork", ax: Any = None) -> Any:
    """The layers as a tree, the output on the right; each box shows what is summed out and the size of its table."""
    with needed_for("pictures are drawn by matplotlib", "nnlite[plot]"):
        from matplotlib import pyplot
    plan = circuit.plan
    places = _places(circuit)
    wide, high = max(x for x, _ in places), max(y for _, y in places)
    if ax is None:
        _, ax = pyplot.subplots(figsize=(2 + 1.9 * wide, 1 + 0.6 * high))
    for number, (bucket, layer) in enumerate(zip(plan.buckets, circuit.layers, strict=True)):
        for source in bucket.messages:
            ax.annotate("", places[number], places[source], arrowprops={"arrowstyle": "->", "color": "0.6"})
        text = f"{layer.name}\n{' x '.join(map(str, (plan.cards[axis] for axis in bucket.axes))) or '1'}"
        ax.text(
            *places[number],
            text,
            ha="center",
            va="center",
            fontsize=8,
            bbox={"boxstyle": "round", "facecolor": "white", "edgecolor": "0.3"},
        )
    ax.set_xlim(-0.7, wide + 0.7)
    ax.set_ylim(-0.7, high + 0.7)
    ax.axis("off")
    return ax


def _places(circuit: "CompiledNetwork") -> list[tuple[float, float]]:
    """x: how far from the leaves, y: leaves below one another, others in the middle of what they take in."""
    places: list[tuple[float, float]] = []
    leaves = 0
    for bucket in circuit.plan.buckets:
        below = [places[number] for number in bucket.messages]
        if below:
            places.append((1 + max(x for x, _ in below), sum(y for _, y in below) / len(below)))
        else:
            places.append((0.0, float(leaves)))
            leaves += 1
    return places
