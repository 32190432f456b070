"""The view: an audit already worded, ordered and counted, one module a section; templates only show it."""
