"""Base of the sources of tables that need not fit into memory."""

import os
from collections.abc import Iterator
from typing import Literal

from nnlite.data.encoders.targets import TargetKind
from nnlite.data.files.frames import FileFrame
from nnlite.data.safety.files import STDIN
from nnlite.data.sources.base import Dataset
from nnlite.data.sources.tables import TableSource
from nnlite.data.storage.opening import table_chunks
from nnlite.data.table import Table
from nnlite.errors import ConfigError
from nnlite.errors.boundary import reading
from nnlite.registry.fields import option

__all__ = ["StreamedTableSource"]

STREAMED_BYTES = 200_000_000


class StreamedTableSource(TableSource, abstract=True):
    """Base of the sources of tables whose files can be read in chunks of rows.

    Args:
        stream: whether rows are encoded chunk by chunk into files and read from there while training, so that the
            table need not fit into memory; "auto" does so for files of more than 200 MB.
        cache: a folder that keeps the encoded rows of a streamed table for the next run; relative to the current
            folder. Without one they are in a temporary folder and go with the process.
    """

    stream: Literal["auto"] | bool = option(default="auto", kw_only=True)
    cache: str | None = option(default=None, kw_only=True)

    def validate(self) -> None:
        super().validate()
        if self.path == STDIN and self.stream is True:
            path = (type(self).__name__, "stream")
            raise ConfigError("a streamed table is read twice, the standard input only once", path)

    @property
    def files(self) -> list[str]:
        return [self.path]

    @property
    def streams(self) -> bool:
        if self.stream == "auto":
            with reading(self.path):
                return self.path != STDIN and os.path.getsize(self.path) > STREAMED_BYTES
        return self.stream

    def read_chunks(self) -> Iterator[Table | FileFrame]:
        """The table in the source's own file, in chunks of rows."""
        return table_chunks(self.path, self.dialect, named=self._named())

    def chunks(self, target_kind: TargetKind) -> Iterator[Dataset]:
        for table in self.read_chunks():
            yield self._dataset(table, target_kind)

    def input_chunks(self, path: str, rows: int) -> Iterator[Table | FileFrame]:
        return table_chunks(path, self.dialect, rows, like=True)
