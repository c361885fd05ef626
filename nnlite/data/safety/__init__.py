"""Checks of a file before it is trusted: its type, its size, and errors of its reader."""
