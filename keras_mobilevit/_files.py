"""Files that are whole or not there."""

import contextlib
import os


@contextlib.contextmanager
def written_whole(path):
    """Yields a path beside `path` to write to, which takes its name when the block ends well."""
    partial = path.with_name(f".{path.name}.{os.getpid()}.partial")
    try:
        yield partial
        os.replace(partial, path)
    finally:
        partial.unlink(missing_ok=True)
