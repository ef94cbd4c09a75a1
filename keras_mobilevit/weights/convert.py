"""PyTorch arrays into Keras layers, strictly: every array used, every weight set."""

import math

import numpy as np
from keras import layers

from keras_mobilevit.layers.normalization import ChannelNorm, MapNorm

# What a layer takes from a module: our weight and the name of their array in the module.
_KERNEL = (("kernel", "weight"), ("bias", "bias"))
_AFFINE = (("gamma", "weight"), ("beta", "bias"))
_STATISTICS = (("moving_mean", "running_mean"), ("moving_variance", "running_var"))
_KINDS = (
    (layers.DepthwiseConv2D, _KERNEL),
    (layers.Conv2D, _KERNEL),
    (layers.Dense, _KERNEL),
    (layers.BatchNormalization, (*_AFFINE, *_STATISTICS)),
    (ChannelNorm, _AFFINE),
    (MapNorm, _AFFINE),
)
_UNUSED = "num_batches_tracked"  # a counter of PyTorch's BatchNorm that inference never reads


def load_state_dict(model, state_dict, names, *, skip=()):
    """Set the weights of `model` from PyTorch arrays.

    Args:
        model: a Keras model.
        state_dict: `{name: array}` as PyTorch stores it.
        names: pairs `(our layer, their module)`. Where several layers name one module, such as a
            fused qkv projection, they take its rows in the order of the pairs, each as many as it
            has outputs. Pairs whose layer the model lacks are passed over.
        skip: names of our layers to leave as they are, or that the model lacks; the arrays of their
            modules are not used.

    Raises:
        ValueError: listing the arrays that no layer takes, the weights that no array fills, and
            the shapes that differ. The model is unchanged then.
    """
    modules = dict(names)
    by_name = {layer.name: layer for layer in model.layers if layer.weights}
    unused = {name for name in state_dict if not name.endswith(_UNUSED)}
    rows_taken = dict.fromkeys(unused, 0)
    problems = {"unused": [], "missing": [], "shape differs": []}
    assignments = []
    unmapped = [name for name in by_name if name not in modules and name not in skip]
    problems["missing"] += [f"{name} (no module is mapped to it)" for name in unmapped]
    for layer_name, module in modules.items():
        layer = by_name.get(layer_name)
        if layer_name in skip:
            unused = {name for name in unused if not name.startswith(f"{module}.")}
            continue
        if layer is None:
            continue
        for weight, array in _arrays(layer):
            variable = getattr(layer, weight, None)
            if variable is None:
                continue
            name = f"{module}.{array}"
            unused.discard(name)
            if name not in state_dict:
                problems["missing"].append(f"{layer_name}.{weight} ({name})")
                continue
            source = np.asarray(state_dict[name])
            start = rows_taken[name]
            rows_taken[name] += _outputs(variable, layer)
            value = _turned(source[start : rows_taken[name]], variable, layer)
            if value is None:
                problems["shape differs"].append(
                    f"{name} {source.shape} for {layer_name}.{weight} {tuple(variable.shape)}"
                )
                continue
            assignments.append((variable, value))
    for name, rows in rows_taken.items():
        if name not in unused and rows and rows != len(state_dict[name]):
            problems["shape differs"].append(
                f"{name} {np.shape(state_dict[name])}: the model has {rows} outputs"
            )
    problems["unused"] = sorted(unused)
    if any(problems.values()):
        lines = "; ".join(
            f"{what}: {', '.join(which)}" for what, which in problems.items() if which
        )
        raise ValueError(f"checkpoint does not fit {model.name}: {lines}")
    for variable, value in assignments:
        variable.assign(value)


def _arrays(layer):
    for kind, arrays in _KINDS:
        if isinstance(layer, kind):
            return arrays
    raise TypeError(f"layer {layer.name}: no rule for the weights of a {type(layer).__name__}")


def _outputs(variable, layer):
    """How many rows, entries of PyTorch's first axis, a weight takes."""
    if isinstance(layer, layers.DepthwiseConv2D) and len(variable.shape) == 4:
        return variable.shape[2]
    return variable.shape[-1]


def _turned(source, variable, layer):
    """Their array in our axes; None if it does not fit."""
    shape = tuple(variable.shape)
    if len(shape) == 1:
        value = source
    elif isinstance(layer, layers.DepthwiseConv2D):
        value = source.transpose(2, 3, 0, 1) if source.ndim == 4 else source
    elif len(shape) == 4 and source.ndim == 4:
        value = source.transpose(2, 3, 1, 0)
    else:  # linear layers and 1x1 convolutions stand for each other
        if math.prod(source.shape) != math.prod(shape):
            return None
        value = source.reshape(len(source), -1).T.reshape(shape)
    return value if value.shape == shape else None
