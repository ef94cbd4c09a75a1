"""Ghost module and ghost bottleneck (GhostNet, arXiv 1911.11907, figures 2 and 3)."""

from keras import layers

from keras_mobilevit.layers.convolution import conv_norm, depthwise_conv_norm, make_divisible
from keras_mobilevit.layers.squeeze_excite import squeeze_excite


def ghost_module(x, channels, *, activation=None, name):
    """`channels` maps for half the price: a 1x1 conv makes the first half, and a 3x3 depthwise
    conv of these makes their "ghosts", the second half. `channels` must be even.
    """
    primary = conv_norm(x, channels // 2, activation=activation, name=f"{name}_primary")
    ghosts = depthwise_conv_norm(primary, 3, activation=activation, name=f"{name}_cheap")
    return layers.Concatenate(name=f"{name}_concat")([primary, ghosts])


def ghost_bottleneck(
    x, *, hidden_channels, channels, kernel_size, stride, squeeze_excite_ratio, name
):
    """Inverted residual of two ghost modules, with a depthwise conv between them if strided.

    `squeeze_excite_ratio` 0 leaves squeeze-excite out. The shortcut is the input itself, or where
    shapes differ a depthwise and a 1x1 convolution.
    """
    shortcut = x
    y = ghost_module(x, hidden_channels, activation="relu", name=f"{name}_expand")
    if stride > 1:
        y = depthwise_conv_norm(y, kernel_size, stride=stride, name=f"{name}_depthwise")
    if squeeze_excite_ratio:
        reduced = make_divisible(hidden_channels * squeeze_excite_ratio, 4)
        y = squeeze_excite(y, reduced, name=f"{name}_se")
    y = ghost_module(y, channels, name=f"{name}_project")
    if stride > 1 or x.shape[-1] != channels:
        shortcut = depthwise_conv_norm(
            shortcut, kernel_size, stride=stride, name=f"{name}_shortcut_depthwise"
        )
        shortcut = conv_norm(shortcut, channels, name=f"{name}_shortcut_pointwise")
    return layers.Add(name=f"{name}_add")([y, shortcut])
