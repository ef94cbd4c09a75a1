"""The feature pyramid of a classifier, for detection and segmentation heads."""

import math

import keras

_BODY = ("stem", "stage")  # what the names of the body's layers begin with


def features(model):
    """The maps at the end of each stride as a Keras model.

    Args:
        model: a model of this package, with or without its top; its layers and weights are shared.

    Returns:
        A model with the same input and a dict of outputs: `"P1"` is the last `(batch, H, W, C)`
        map of the body at half the input's size, `"P2"` at a quarter, ... up to `"P5"`, or `"P3"`
        and `"P4"` with `output_stride` 8 and 16.

    Raises:
        ValueError: for a model without such maps.
    """
    height = model.input_shape[1]
    pyramid = {}
    for layer in model.layers:  # in the order of the graph
        shape = getattr(layer, "output", model.input).shape
        if layer.name.startswith(_BODY) and len(shape) == 4 and shape[1] != 1:
            # Sides that were rounded up belong to the nearest power of two.
            pyramid[f"P{round(math.log2(height / shape[1]))}"] = layer.output
    if not pyramid:
        raise ValueError(f"model {model.name!r} has no stages: give a model of keras_mobilevit")
    return keras.Model(model.input, pyramid, name=f"{model.name}_features")
