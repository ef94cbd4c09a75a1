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
    # The last layer of each block, such as "stage2_block1", in the order of the graph.
    blocks = {
        "_".join(layer.name.split("_")[:2]): layer
        for layer in model.layers
        if layer.name.startswith(_BODY)
    }
    pyramid = {}
    for layer in blocks.values():
        # Sides that were rounded up belong to the nearest power of two.
        level = round(math.log2(model.input_shape[1] / layer.output.shape[1]))
        if level > 0:
            pyramid[f"P{level}"] = layer.output
    if not pyramid:
        raise ValueError(f"model {model.name!r} has no stages: give a model of keras_mobilevit")
    return keras.Model(model.input, pyramid, name=f"{model.name}_features")
