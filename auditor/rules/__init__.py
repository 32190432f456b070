"""YAML rules: read with positions, checked, compiled to Polars expressions."""
