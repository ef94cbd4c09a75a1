"""Imports of optional dependencies, and quiet for those that shout on stderr."""

import contextlib
import importlib
import os
import sys
import tempfile

from keras_mobilevit.errors import MissingDependencyError


def require(module, extra):
    """Import an optional module; `extra` is the extra of this package that brings it."""
    try:
        return importlib.import_module(module)
    except ModuleNotFoundError as error:
        if error.name is None or not module.startswith(error.name):
            raise
        raise MissingDependencyError(
            f"{error.name} is not installed: pip install 'keras-mobilevit[{extra}]'"
        ) from error


@contextlib.contextmanager
def captured_stderr():
    """Collect what native code writes to file descriptor 2; yields a function that returns it.

    TensorFlow logs device probes and converter progress there, past Python's `sys.stderr`, which
    goes on working meanwhile.
    """
    with tempfile.TemporaryFile() as log:
        sys.stderr.flush()
        terminal = os.dup(2)
        os.dup2(log.fileno(), 2)
        python_stderr = sys.stderr
        if _is_descriptor_2(python_stderr):
            sys.stderr = os.fdopen(terminal, "w", buffering=1, closefd=False)

        def text():
            log.seek(0)
            return log.read().decode(errors="replace")

        try:
            yield text
        finally:
            sys.stderr.flush()
            sys.stderr = python_stderr
            sys.stderr.flush()
            os.dup2(terminal, 2)
            os.close(terminal)


def _is_descriptor_2(stream):
    try:
        return stream.fileno() == 2
    except (AttributeError, OSError):
        return False
