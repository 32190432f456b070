"""The bundled rules with their tests, as their files say them: read once for all tests of a process."""

from functools import cache

from auditor.rules.reading.load import RuleSet, load_rules


@cache
def bundled_rules() -> RuleSet:
    return load_rules()
