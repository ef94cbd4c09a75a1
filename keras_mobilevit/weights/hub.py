"""Download published weights once, check them, and keep them converted."""

import hashlib
import os
import re
from pathlib import Path

from keras_mobilevit._files import written_whole
from keras_mobilevit.errors import DownloadError

_SHA256 = re.compile("[0-9a-f]{64}")
_FORMAT = 1  # of the converted files; a change of our layer names changes it


def load_published(model, row):
    """Set the weights of `model` to those of a `PublishedWeights` row, by the names of its layers.

    Downloads through huggingface_hub, which honours HF_ENDPOINT, HF_TOKEN and HF_HUB_OFFLINE, and
    keeps the converted weights in the folder keras_mobilevit under KERAS_HOME, default `~/.keras`.

    Raises:
        DownloadError: if the file can not be had, or is not what the hub says it is.
    """
    from safetensors import safe_open

    with safe_open(converted(row), framework="numpy") as arrays:
        for name, variable in _named_weights(model):
            variable.assign(arrays.get_tensor(name))


def converted(row):
    """The path of a row's weights under the names of our layers; made at the first call."""
    folder = Path(os.environ.get("KERAS_HOME", Path.home() / ".keras")) / "keras_mobilevit"
    path = folder / f"{row.name}.v{_FORMAT}.safetensors"
    if path.exists():
        return path
    from safetensors.numpy import save_file

    from keras_mobilevit.models import create_model
    from keras_mobilevit.weights.checkpoint import load_checkpoint

    model = create_model(row.preset)
    load_checkpoint(model, _download(row), row.source)
    folder.mkdir(parents=True, exist_ok=True)
    with written_whole(path) as partial:
        save_file({name: variable.numpy() for name, variable in _named_weights(model)}, partial)
    return path


def _named_weights(model):
    """Pairs (layer name/weight name, variable) of what a checkpoint holds."""
    for layer in model.layers:
        for variable in layer.weights:
            if variable.name != "seed_generator_state":
                yield f"{layer.name}/{variable.name}", variable


def _sha256(path):
    return hashlib.sha256(path.read_bytes()).hexdigest()


def _download(row):
    from huggingface_hub import hf_hub_download

    try:
        path = Path(hf_hub_download(row.repository, row.file))
    except Exception as error:  # the client's errors come from several libraries
        reason = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
        raise DownloadError(
            f"weights {row.name} can not be downloaded ({reason}). Connect once, set HF_ENDPOINT "
            f"to a mirror, or bring {row.file} of {row.repository} and call "
            "keras_mobilevit.load_checkpoint(model, path)"
        ) from error
    # In the client's cache a large file is named after its sha256.
    expected = path.resolve().name
    if _SHA256.fullmatch(expected) and _sha256(path) != expected:
        raise DownloadError(f"{path.resolve()} is damaged: delete it and download it again")
    return path
