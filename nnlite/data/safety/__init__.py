"""Checks of a file before its content is trusted: its type, its size, and errors of its reader."""
