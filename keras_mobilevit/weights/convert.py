"""PyTorch arrays into Keras layers, strictly: every array used, every weight set."""

import numpy as np
from keras import layers

# What a layer takes from a module: our weight, their array, and the axes that turn theirs to ours.
_CONV = (("kernel", "weight", (2, 3, 1, 0)), ("bias", "bias", None))
_DEPTHWISE = (("kernel", "weight", (2, 3, 0, 1)), ("bias", "bias", None))
_DENSE = (("kernel", "weight", (1, 0)), ("bias", "bias", None))
_BATCH_NORM = (
    ("gamma", "weight", None),
    ("beta", "bias", None),
    ("moving_mean", "running_mean", None),
    ("moving_variance", "running_var", None),
)
_KINDS = (
    (layers.DepthwiseConv2D, _DEPTHWISE),
    (layers.Conv2D, _CONV),
    (layers.Dense, _DENSE),
    (layers.BatchNormalization, _BATCH_NORM),
)
_UNUSED = "num_batches_tracked"  # a counter of PyTorch's BatchNorm that inference never reads


def load_state_dict(model, state_dict, names):
    """Set the weights of `model` from PyTorch arrays.

    Args:
        model: a Keras model.
        state_dict: `{name: array}` as PyTorch stores it.
        names: pairs `(our layer, their module)`; layers that the model lacks are passed over.

    Raises:
        ValueError: listing the arrays that no layer takes, the weights that no array fills, and
            the shapes that differ. The model is unchanged then.
    """
    modules = dict(names)
    unused = {name for name in state_dict if not name.endswith(_UNUSED)}
    missing, misshaped, assignments = [], [], []
    for layer in model.layers:
        if not layer.weights:
            continue
        for weight, array, axes in _parts(layer):
            variable = getattr(layer, weight, None)
            if variable is None:
                continue
            name = f"{modules.get(layer.name, '?')}.{array}"
            if name not in state_dict:
                missing.append(f"{layer.name}.{weight} ({name})")
                continue
            unused.discard(name)
            value = np.asarray(state_dict[name])
            value = value if axes is None else value.transpose(axes)
            if value.shape != tuple(variable.shape):
                misshaped.append(f"{name} {value.shape} for {layer.name}.{weight} {variable.shape}")
            assignments.append((variable, value))
    problems = {"unused": sorted(unused), "missing": missing, "shape differs": misshaped}
    if any(problems.values()):
        lines = "; ".join(
            f"{what}: {', '.join(which)}" for what, which in problems.items() if which
        )
        raise ValueError(f"checkpoint does not fit {model.name}: {lines}")
    for variable, value in assignments:
        variable.assign(value)


def _parts(layer):
    for kind, parts in _KINDS:
        if isinstance(layer, kind):
            return parts
    raise TypeError(f"layer {layer.name}: no rule for the weights of a {type(layer).__name__}")
