"""Convolutions as the PyTorch originals compute them: padded alike on both sides, then BatchNorm.

TensorFlow's "same" pads a stride-2 convolution on the right and bottom only, which shifts every
feature map by half a pixel against the originals. Strided convolutions are therefore padded by a
layer of their own; the TFLite runtimes fold that PAD into the convolution that follows it.
"""

from keras import initializers, layers

# PyTorch's defaults, which every original here keeps unless its family file says otherwise.
BATCH_NORM_EPSILON = 1e-5
BATCH_NORM_MOMENTUM = 0.9


def kaiming(fan_in, fan_out):
    """`kaiming_normal_(mode="fan_out")`, zero bias: how most of the originals start."""
    return initializers.RandomNormal(stddev=(2 / fan_out) ** 0.5), "zeros"


def pytorch_default(fan_in, fan_out):
    """What a PyTorch convolution starts with if its author says nothing: uniform, bias too."""
    bound = fan_in**-0.5
    return initializers.RandomUniform(-bound, bound), initializers.RandomUniform(-bound, bound)


def linear(fan_in, fan_out):
    """`trunc_normal_(std=0.02)`, zero bias: how the originals' linear layers start."""
    return initializers.TruncatedNormal(stddev=0.02), "zeros"


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
    initializer=kaiming,
    name,
):
    """2-D convolution, `(batch, H, W, C)` to `(batch, ceil(H / stride), ceil(W / stride), channels)`.

    `kernel_size` is odd; `dilation` goes with stride 1. `activation` is applied inside the layer;
    use `conv_norm` where a norm stands between the two. `initializer` gives those of kernel and
    bias for PyTorch's fan-in and fan-out.
    """
    area = kernel_size**2
    start, bias_start = initializer(area * x.shape[-1] // groups, area * channels)
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
        kernel_initializer=start,
        bias_initializer=bias_start,
        data_format="channels_last",
        name=name,
    )(x)


def depthwise_conv(
    x, kernel_size, *, stride=1, dilation=1, use_bias=False, initializer=kaiming, name
):
    """Depthwise 2-D convolution; as `conv`, the channels stay."""
    area = kernel_size**2
    start, bias_start = initializer(area, area * x.shape[-1])
    x, padding = _pad(x, kernel_size, stride, name)
    return layers.DepthwiseConv2D(
        kernel_size,
        strides=stride,
        padding=padding,
        dilation_rate=dilation,
        use_bias=use_bias,
        depthwise_initializer=start,
        bias_initializer=bias_start,
        data_format="channels_last",
        name=name,
    )(x)


def dense(x, units, *, initializer=linear, name):
    """Linear layer on the channels of rank 4, `(batch, H, W, C)` to `(batch, H, W, units)`: a 1x1
    convolution, which every delegate takes, with the start of a linear layer.
    """
    return conv(x, units, use_bias=True, initializer=initializer, name=name)


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
    initializer=kaiming,
    name,
):
    """`conv` without bias, BatchNorm, activation: layers `{name}_conv`, `{name}_norm`, ..."""
    x = conv(
        x,
        channels,
        kernel_size,
        stride=stride,
        dilation=dilation,
        initializer=initializer,
        name=f"{name}_conv",
    )
    return _norm_activation(x, activation, epsilon, name)


def depthwise_conv_norm(
    x,
    kernel_size,
    *,
    stride=1,
    dilation=1,
    activation=None,
    epsilon=BATCH_NORM_EPSILON,
    initializer=kaiming,
    name,
):
    """`depthwise_conv` without bias, BatchNorm, activation."""
    x = depthwise_conv(
        x,
        kernel_size,
        stride=stride,
        dilation=dilation,
        initializer=initializer,
        name=f"{name}_conv",
    )
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
