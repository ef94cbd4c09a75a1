"""Every model by name: what `list_models`, `create_model` and the command line offer."""

from collections.abc import Callable
from dataclasses import dataclass
from fnmatch import fnmatchcase


@dataclass(frozen=True)
class ModelEntry:
    """One registered model.

    `parameters` are the trained ones (BatchNorm's running statistics left out) and `macs` the
    multiply-accumulates of convolutions and dense layers for one image of `input_size`, both with
    1,000 classes. The tests count them again.
    """

    name: str
    family: str
    constructor: Callable
    arguments: dict
    paper: str
    input_size: int
    parameters: int
    macs: int


_entries: dict[str, ModelEntry] = {}


def register(name, constructor, *, family, paper, input_size, parameters, macs, **arguments):
    """Make `constructor(**arguments)` known as `name`; each family file does it at its end."""
    if name in _entries:
        raise ValueError(f"model name {name!r} is registered twice")
    _entries[name] = ModelEntry(
        name, family, constructor, arguments, paper, input_size, parameters, macs
    )


def list_models(pattern="*"):
    """Names of the registered models that match a shell pattern such as `"mocovit*"`, sorted."""
    return sorted(name for name in _entries if fnmatchcase(name, pattern))


def model_entry(name):
    """The `ModelEntry` of a name; ValueError that lists what there is."""
    if name not in _entries:
        raise ValueError(f"unknown model {name!r}: choose one of {', '.join(list_models())}")
    return _entries[name]


def create_model(name, **kwargs):
    """Build a registered model, `create_model("mocovit_100", classes=5)`.

    Args:
        name: one of `list_models()`.
        **kwargs: the constructor's arguments; they override those of the registered row.
    """
    entry = model_entry(name)
    return entry.constructor(**{**entry.arguments, "name": name, **kwargs})
