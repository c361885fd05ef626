"""The config language: YAML files that include others, refer to values, and remember where each value stands."""

from nnlite.documents.document import Document
from nnlite.documents.reading import parse
from nnlite.documents.writing import dump

__all__ = ["Document", "dump", "parse"]
