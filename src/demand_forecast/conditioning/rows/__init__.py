"""Rows of a source on their way to a standard table: parsed, checked, counted, none lost."""
