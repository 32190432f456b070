"""What an audit is made of: frozen dataclasses that need only the standard library."""
