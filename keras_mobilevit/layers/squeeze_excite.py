"""Squeeze-and-excitation (arXiv 1709.01507)."""

from keras import layers

from keras_mobilevit.layers.convolution import conv


def squeeze_excite(x, reduced_channels, *, activation="relu", gate="hard_sigmoid", name):
    """Scale the channels of a `(batch, H, W, C)` map by a gate of its global mean; the defaults are
    those of MobileNetV3 and GhostNet.
    """
    y = layers.GlobalAveragePooling2D(
        keepdims=True, data_format="channels_last", name=f"{name}_pool"
    )(x)
    y = conv(y, reduced_channels, use_bias=True, activation=activation, name=f"{name}_reduce")
    y = conv(y, x.shape[-1], use_bias=True, activation=gate, name=f"{name}_expand")
    return layers.Multiply(name=f"{name}_scale")([x, y])
