"""Inverted residual with linear bottleneck (MobileNetV2, arXiv 1801.04381)."""

from keras import layers

from keras_mobilevit.layers.convolution import conv_norm, depthwise_conv_norm


def inverted_residual(x, *, channels, expansion, stride=1, dilation=1, activation="silu", name):
    """1x1 conv up by `expansion`, 3x3 depthwise conv, linear 1x1 conv down to `channels`; the
    input is added where the shape stays.
    """
    hidden = round(x.shape[-1] * expansion)
    y = conv_norm(x, hidden, activation=activation, name=f"{name}_expand")
    y = depthwise_conv_norm(
        y, 3, stride=stride, dilation=dilation, activation=activation, name=f"{name}_depthwise"
    )
    y = conv_norm(y, channels, name=f"{name}_project")
    if stride == 1 and x.shape[-1] == channels:
        y = layers.Add(name=f"{name}_add")([x, y])
    return y
