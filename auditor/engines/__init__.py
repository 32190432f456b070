"""Engines: the ways rules are judged on an archive."""
