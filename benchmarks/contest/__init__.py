"""The same twenty rules three times: by the engine, in DuckDB SQL and in pandas; and the floor, one scan."""
