"""Errors that are neither a wrong argument (ValueError) nor a missing file (OSError)."""


class ExportError(Exception):
    """The model can not be converted, or the file does not compute what the model computes."""


class DownloadError(OSError):
    """Published weights can not be had; the message says what to do."""


class MissingDependencyError(ImportError):
    """A package that the call needs is not installed; the message says how to get it."""
