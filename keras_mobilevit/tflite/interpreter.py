"""One way to open a `.tflite`, on whichever runtime is installed."""

import importlib
from pathlib import Path

from keras_mobilevit._checks import check_count
from keras_mobilevit.errors import MissingDependencyError

# In the order of preference: each has an `Interpreter` of the same interface.
_RUNTIMES = ("ai_edge_litert.interpreter", "tflite_runtime.interpreter", "tensorflow.lite")


def runtime_module():
    """The first installed runtime's module; MissingDependencyError if there is none."""
    for name in _RUNTIMES:
        try:
            return importlib.import_module(name)
        except ModuleNotFoundError:
            continue
    raise MissingDependencyError(
        "no TFLite runtime is installed: pip install 'keras-mobilevit[tflite]'"
    )


def open_interpreter(path, threads=1):
    """An allocated interpreter with XNNPACK, and the name of its runtime.

    Raises FileNotFoundError, or ValueError for what is not a loadable TFLite file.
    """
    check_tflite_file(path)
    check_count("threads", threads)
    module = runtime_module()
    try:
        interpreter = module.Interpreter(model_path=str(path), num_threads=threads)
        interpreter.allocate_tensors()
    except (ValueError, RuntimeError) as error:
        raise ValueError(f"{path}: {module.__name__} can not load it: {error}") from error
    return interpreter, module.__name__.split(".")[0]


def check_tflite_file(path):
    path = Path(path)
    if not path.exists():
        raise FileNotFoundError(f"{path}: no such file")
    if path.is_dir():
        raise ValueError(f"{path} is a folder: name a .tflite file")
    with path.open("rb") as file:
        if file.read(8)[4:] != b"TFL3":
            raise ValueError(f"{path} is not a TFLite file")
