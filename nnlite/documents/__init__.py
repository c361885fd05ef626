"""The config language: YAML files with includes and references that remember the position of each value."""

from nnlite.documents.document import Document
from nnlite.documents.reading import parse
from nnlite.documents.writing import dump

__all__ = ["Document", "dump", "parse"]
