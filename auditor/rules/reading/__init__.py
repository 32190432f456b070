"""Rule files read: YAML with positions to checked rules, bound to parameters and lists."""
