"""Titles and totals around a table, currencies and units around its numbers."""
