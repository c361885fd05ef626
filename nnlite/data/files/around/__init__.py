"""What people write around a table, such as titles and totals, and around its numbers, such as currencies and units."""
