"""Load what the authors published, whichever names it goes by."""

import dataclasses
import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np

from keras_mobilevit.contract import Preprocessing
from keras_mobilevit.layers.input_contract import contract_layer, model_contract
from keras_mobilevit.models import cas_vit, emo, ghostnet, mobilevit, mobilevitv2
from keras_mobilevit.weights import mobilevit as names
from keras_mobilevit.weights.cas_vit import cas_vit_names
from keras_mobilevit.weights.convert import load_state_dict
from keras_mobilevit.weights.emo import emo_names
from keras_mobilevit.weights.ghostnet import ghostnet_names

_logger = logging.getLogger("keras_mobilevit")

# Layers that a model without its top, or with other classes, does without.
_TOP = ("classifier", "classifier_distillation", "head_expand")


@dataclass(frozen=True)
class Source:
    """One place a family's checkpoints come from.

    `known_by` is an array that only this source has, `names` gives the pairs (our layer, their
    module) of a preset, `preprocessing` is what such weights expect of a photo, `completed` adds
    arrays that some of its files leave out.
    """

    known_by: str
    names: Callable
    preprocessing: Preprocessing
    completed: Callable = dict


def _with_both_heads(arrays):
    """CAS-ViT trained without distillation has one head; the mean of two equal ones is the same."""
    single = {
        f"dist_{name}": array
        for name, array in arrays.items()
        if name.startswith("head.") and f"dist_{name}" not in arrays
    }
    return {**arrays, **single}


_V1, _V2 = mobilevit.PREPROCESSING, mobilevitv2.PREPROCESSING
# Apple trained MobileViT on photos as OpenCV reads them, BGR, and Hugging Face kept it so; timm
# turned the first kernel around. Apple's later models are trained on RGB.
_V1_BGR = dataclasses.replace(
    _V1, channel_order="bgr", crop_fraction=256 / 288, interpolation="bilinear"
)
_V2_BILINEAR = dataclasses.replace(_V2, interpolation="bilinear")
SOURCES = {
    "GhostNet": {
        "timm": Source("conv_stem.weight", ghostnet_names, ghostnet.PREPROCESSING),
    },
    "MobileViT": {
        "timm": Source("stem.conv.weight", partial(names.mobilevit_names, names.TIMM), _V1),
        "cvnets": Source(
            "conv_1.block.conv.weight", partial(names.mobilevit_names, names.CVNETS), _V1_BGR
        ),
        "hf": Source(
            "mobilevit.conv_stem.convolution.weight",
            partial(names.mobilevit_names, names.HUGGING_FACE),
            _V1_BGR,
        ),
    },
    "MobileViTV2": {
        "timm": Source("stem.conv.weight", partial(names.mobilevitv2_names, names.TIMM_V2), _V2),
        "cvnets": Source(
            "conv_1.block.conv.weight",
            partial(names.mobilevitv2_names, names.CVNETS_V2),
            _V2_BILINEAR,
        ),
        "hf": Source(
            "mobilevitv2.conv_stem.convolution.weight",
            partial(names.mobilevitv2_names, names.HUGGING_FACE_V2),
            _V2_BILINEAR,
        ),
    },
    "EMO": {"official": Source("stage0.0.convs.0.0.weight", emo_names, emo.PREPROCESSING)},
    "CASViT": {
        "official": Source(
            "patch_embed.0.weight", cas_vit_names, cas_vit.PREPROCESSING, _with_both_heads
        )
    },
}


def load_checkpoint(model, checkpoint, source=None):
    """Load a published checkpoint into a model of the same architecture.

    Every array of the checkpoint must be used and every weight of the model filled. Only where
    `classes` differs, or the model has no top, the classifier is left as it is, with a warning in
    the log. The model's input contract then says what these weights expect of a photo.

    Args:
        model: a model of this package, or one built on its features.
        checkpoint: the path of a `.safetensors`, `.pt`, `.pth` or `.bin` file (read without
            PyTorch), or a `{name: array}` dict in PyTorch's axes.
        source: `"timm"`, `"cvnets"`, `"hf"` or `"official"`; None finds it by the names.

    Returns:
        The source's name.

    Raises:
        FileNotFoundError: no such file.
        ValueError: for a file that is no checkpoint, a source that the family does not have, or a
            checkpoint that does not fit: it lists unused and missing arrays and differing shapes.
    """
    arrays, label = _read(checkpoint)
    contract = model_contract(model)
    sources = SOURCES.get(contract.family, {})
    if source is None:
        source = next((key for key, row in sources.items() if row.known_by in arrays), None)
        if source is None:
            raise ValueError(
                f"checkpoint {label} has the names of no known source of {contract.family} "
                f"({', '.join(sources) or 'none'}); it begins with {', '.join(list(arrays)[:3])}"
            )
    elif source not in sources:
        raise ValueError(f"source={source!r}: {contract.family} has {', '.join(sources) or 'none'}")
    row = sources[source]
    arrays = row.completed(arrays)
    pairs = list(row.names(contract.preset))
    skip = _tops_to_skip(model, dict(pairs), arrays)
    load_state_dict(model, arrays, pairs, skip=skip)
    kept = [layer.name for layer in model.layers if layer.name in skip]
    if kept:
        _logger.warning("%s: %s not loaded, its classes are others", label, ", ".join(kept))
    contract_layer(model).contract = dataclasses.replace(
        contract, weights=label, preprocessing=row.preprocessing
    )
    return source


def _read(checkpoint):
    """The `{name: array}` of a checkpoint and what to call it."""
    if isinstance(checkpoint, Mapping):
        return dict(checkpoint), "checkpoint"
    path = Path(checkpoint)
    if path.suffix != ".safetensors":
        from keras_mobilevit.weights.torch_files import read_torch, state_dict_of

        return state_dict_of(read_torch(path)), path.name
    if not path.is_file():
        raise FileNotFoundError(f"{path}: no such file")
    from safetensors import SafetensorError
    from safetensors.numpy import load_file

    try:
        return load_file(path), path.name
    except SafetensorError as error:
        raise ValueError(f"{path} is not a safetensors file: {error}") from error


def _tops_to_skip(model, modules, arrays):
    """Our top layers that this model lacks, and its classifiers if they have other classes."""
    present = {layer.name: layer for layer in model.layers}
    skip = [name for name in _TOP if name in modules and name not in present]
    for name in _TOP[:2]:
        array = arrays.get(f"{modules.get(name)}.weight")
        if name in present and array is not None:
            inputs, classes = present[name].kernel.shape
            if np.shape(array)[0] != classes and np.shape(array)[1] == inputs:
                skip.append(name)
    return tuple(skip)
