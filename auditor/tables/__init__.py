"""Typed records: decoded from evidence, kept in Delta Lake, rebuilt at will."""
