"""Tables of which a step uses few rows, whose gradients stay rows until the optimizer takes them."""

from typing import TYPE_CHECKING, Any

from nnlite.jacobians import TableGradients
from nnlite.layers import Embedding
from nnlite.layers.composite.chain import Chain
from nnlite.layers.composite.graph import Graph
from nnlite.layers.composite.program import Program
from nnlite.optimizers.base.blocks import BLOCK_SIZE
from nnlite.optimizers.base.tables import TableRows
from nnlite.parameters import Parameter

if TYPE_CHECKING:
    from nnlite.training.train_step import Steps

__all__ = ["Tables"]

FEWEST_NUMBERS = 4 * BLOCK_SIZE  # of a table, from which on rows pay
LONGEST_ROW = BLOCK_SIZE // 16


class Tables:
    """The large tables of embeddings that nothing else uses.

    A gradient of all rows, nearly all 0, is not written in each step; `Parameter.gradient` makes it when asked.

    Args:
        steps: those of the model.
        parameters: the tables.
    """

    def __init__(self, steps: "Steps", parameters: list[Parameter]) -> None:
        (pack,) = steps.store.packs
        self.gradients: dict[int, TableGradients] = {}
        self.tables: list[TableRows] = []
        for parameter, part in zip(pack.parameters, pack.segments, strict=True):
            if any(parameter is table for table in parameters):
                whole: Any = parameter.gradient
                gradient = self.gradients[id(parameter)] = TableGradients(whole)
                parameter.keep_rows(gradient)
                self.tables.append(TableRows(part, gradient))
        trained = {id(parameter) for parameter in pack.parameters}
        wanted = [id(parameter) in trained for parameter in steps.parameters]
        into = [self.gradients.get(id(parameter), parameter.gradient) for parameter in steps.parameters]
        self.plans = {id(plan.program): plan.program.plan(wanted, into) for plan in (steps.layered, steps.joined)}

    @classmethod
    def of(cls, steps: "Steps") -> "Tables | None":
        """The tables of a model; None if there are none."""
        program: Any = steps.chain
        if not isinstance(program, Chain | Graph) or len(steps.store.packs) != 1 or steps.whole is not None:
            return None
        layers = [use.layer for use in (program.stages if isinstance(program, Chain) else program.uses)]
        used = [id(parameter) for layer in layers for parameter in layer.parameters]
        trained = [id(parameter) for parameter in steps.store.packs[0].parameters]
        tables: list[Parameter] = [layer.embeddings for layer in layers if type(layer) is Embedding]
        plain = [table for table in tables if not table.regularizer and table.dtype.char in "fd"]
        large = [table for table in plain if table.size >= FEWEST_NUMBERS and table.shape[1] <= LONGEST_ROW]
        alone = [table for table in large if used.count(id(table)) == 1 and id(table) in trained]
        return cls(steps, alone) if alone else None

    def plan_of(self, program: Program) -> Any:
        """The plan of a program by which the gradients of tables are rows."""
        return self.plans[id(program)]

    def forget(self) -> None:
        """The gradients of the last step no longer count: new ones of all rows come in their place."""
        for table in self.gradients.values():
            table.fresh = False
