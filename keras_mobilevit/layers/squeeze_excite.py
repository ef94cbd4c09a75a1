"""Squeeze-and-excitation (arXiv 1709.01507) as MobileNetV3 and GhostNet use it."""

from keras import layers

from keras_mobilevit.layers.convolution import conv


def squeeze_excite(x, reduced_channels, *, name):
    """Scale the channels of a `(batch, H, W, C)` map by a hard-sigmoid gate of its global mean."""
    gate = layers.GlobalAveragePooling2D(
        keepdims=True, data_format="channels_last", name=f"{name}_pool"
    )(x)
    gate = conv(gate, reduced_channels, use_bias=True, activation="relu", name=f"{name}_reduce")
    gate = conv(gate, x.shape[-1], use_bias=True, activation="hard_sigmoid", name=f"{name}_expand")
    return layers.Multiply(name=f"{name}_scale")([x, gate])
