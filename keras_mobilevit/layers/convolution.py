"""Convolutions as the PyTorch originals compute them: padded alike on both sides, then BatchNorm.

TensorFlow's "same" pads a stride-2 convolution on the right and bottom only, which shifts every
feature map by half a pixel against the originals. Strided convolutions are therefore padded by a
layer of their own; the TFLite runtimes fold that PAD into the convolution that follows it.
"""

from functools import partial

from keras import initializers, layers

# PyTorch's defaults, which every original here keeps unless its family file says otherwise.
BATCH_NORM_EPSILON = 1e-5
BATCH_NORM_MOMENTUM = 0.9

# PyTorch's `kaiming_normal_(mode="fan_out")`, as most of the originals start; of a depthwise kernel
# PyTorch and Keras call the same axis fan-out and fan-in. Each layer calls for its own, since an
# initializer of Keras gives the same numbers at every use.
_kaiming = partial(initializers.VarianceScaling, 2.0, "fan_out", "untruncated_normal")
_kaiming_depthwise = partial(initializers.VarianceScaling, 2.0, "fan_in", "untruncated_normal")
_linear = partial(initializers.TruncatedNormal, stddev=0.02)


def conv(
    x,
    channels,
    kernel_size=1,
    *,
    stride=1,
    dilation=1,
    groups=1,
    use_bias=False,
    activation=None,
    name,
):
    """2-D convolution, `(batch, H, W, C)` to `(batch, ceil(H / stride), ceil(W / stride), channels)`.

    `kernel_size` is odd; `dilation` goes with stride 1. `activation` is applied inside the layer;
    use `conv_norm` where a norm stands between the two.
    """
    x, padding = _pad(x, kernel_size, stride, name)
    return layers.Conv2D(
        channels,
        kernel_size,
        strides=stride,
        padding=padding,
        dilation_rate=dilation,
        groups=groups,
        use_bias=use_bias,
        activation=activation,
        kernel_initializer=_kaiming(),
        data_format="channels_last",
        name=name,
    )(x)


def depthwise_conv(x, kernel_size, *, stride=1, dilation=1, use_bias=False, name):
    """Depthwise 2-D convolution; shapes as `conv`, the channels stay."""
    x, padding = _pad(x, kernel_size, stride, name)
    return layers.DepthwiseConv2D(
        kernel_size,
        strides=stride,
        padding=padding,
        dilation_rate=dilation,
        use_bias=use_bias,
        depthwise_initializer=_kaiming_depthwise(),
        data_format="channels_last",
        name=name,
    )(x)


def dense(x, units, *, use_bias=True, name):
    """Linear layer on the channels of rank 4, `(batch, H, W, C)` to `(batch, H, W, units)`: a 1x1
    convolution, which every delegate takes, with the initialization of a linear layer.
    """
    return layers.Conv2D(
        units,
        1,
        use_bias=use_bias,
        kernel_initializer=_linear(),
        data_format="channels_last",
        name=name,
    )(x)


def batch_norm(x, *, epsilon=BATCH_NORM_EPSILON, name):
    return layers.BatchNormalization(momentum=BATCH_NORM_MOMENTUM, epsilon=epsilon, name=name)(x)


def conv_norm(
    x,
    channels,
    kernel_size=1,
    *,
    stride=1,
    dilation=1,
    activation=None,
    epsilon=BATCH_NORM_EPSILON,
    name,
):
    """`conv` without bias, BatchNorm, activation: layers `{name}_conv`, `{name}_norm`, ..."""
    x = conv(x, channels, kernel_size, stride=stride, dilation=dilation, name=f"{name}_conv")
    return _norm_activation(x, activation, epsilon, name)


def depthwise_conv_norm(
    x,
    kernel_size,
    *,
    stride=1,
    dilation=1,
    activation=None,
    epsilon=BATCH_NORM_EPSILON,
    name,
):
    """`depthwise_conv` without bias, BatchNorm, activation."""
    x = depthwise_conv(x, kernel_size, stride=stride, dilation=dilation, name=f"{name}_conv")
    return _norm_activation(x, activation, epsilon, name)


def _norm_activation(x, activation, epsilon, name):
    x = batch_norm(x, epsilon=epsilon, name=f"{name}_norm")
    if activation is not None:
        x = layers.Activation(activation, name=f"{name}_{activation}")(x)
    return x


def _pad(x, kernel_size, stride, name):
    """Pad by `kernel_size // 2` on every side; returns the map and the padding still to be done."""
    if kernel_size == 1:
        return x, "valid"
    if stride == 1:
        return x, "same"
    pad = layers.ZeroPadding2D(kernel_size // 2, data_format="channels_last", name=f"{name}_pad")
    return pad(x), "valid"


def make_divisible(channels, divisor):
    """The multiple of `divisor` nearest to `channels`, never more than 10 % below it.

    The rounding rule of the MobileNet line (MobileNetV2 reference code, timm `make_divisible`).
    """
    rounded = max(divisor, int(channels + divisor / 2) // divisor * divisor)
    return rounded + divisor if rounded < 0.9 * channels else rounded
