"""Checks of arguments that several public functions share."""


def check_count(name, value):
    """Raise ValueError, naming the argument, unless `value` is a whole number above 0."""
    if isinstance(value, bool) or not isinstance(value, int) or value < 1:
        raise ValueError(f"{name}={value!r}: give a whole number above 0")
