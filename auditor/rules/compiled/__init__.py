"""Typed trees compiled to Polars expressions."""
