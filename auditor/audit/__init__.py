"""Records, rules and a window made into an audit, without network, clock or printing."""
