"""EMO: Rethinking Mobile Block for Efficient Attention-based Models (arXiv 2301.01146).

One block throughout, the inverted residual mobile block (iRMB): window attention and a depthwise
convolution inside an inverted residual. It is an instance of the paper's Meta Mobile Block, as are
MobileNetV2's inverted residual, multi-head self-attention and the feed-forward network; here too the
blocks without attention are the same function. Equal to the authors' code.

| model | parameters | MACs at 224 | with the attention's products |
|---|---|---|---|
| emo_1m | 1,361,168 | 242.87 M | 255.24 M |
| emo_2m | 2,377,472 | 411.56 M | 431.92 M |
| emo_5m | 5,108,848 | 864.87 M | 892.22 M |
| emo_6m | 6,168,496 | 922.59 M | 950.25 M |

The paper's 261, 439, 903 and 961 M count norms as well.
"""

from dataclasses import dataclass
from functools import partial

from keras import layers

from keras_mobilevit.contract import ModelContract, Preprocessing
from keras_mobilevit.layers.attention import attend
from keras_mobilevit.layers.convolution import (
    batch_norm,
    conv,
    depthwise_conv_norm,
    pytorch_default,
)
from keras_mobilevit.layers.normalization import ChannelNorm
from keras_mobilevit.layers.patches import fold, unfold, whole_patches
from keras_mobilevit.layers.residual import stochastic_depth, stochastic_depth_rates
from keras_mobilevit.layers.squeeze_excite import squeeze_excite
from keras_mobilevit.models.assembly import (
    build_model,
    check_arguments,
    classifier,
    model_input,
    pooled,
)
from keras_mobilevit.models.registry import register

PAPER = "arXiv 2301.01146"
PREPROCESSING = Preprocessing(interpolation="bicubic")
STEM_CHANNELS = 24
WINDOW = 7  # tokens a side
EPSILON = 1e-6  # of every norm


@dataclass(frozen=True)
class Stage:
    """`depth` blocks, the first of which strides and expands twice as much. `head_channels` above 0
    puts attention of such heads into the others, with LayerNorm and GELU instead of BatchNorm and
    SiLU in the whole stage.
    """

    depth: int
    channels: int
    expansion: float
    kernel_size: int
    head_channels: int = 0


@dataclass(frozen=True)
class Configuration:
    """One model of table 4."""

    stages: tuple[Stage, ...]
    stochastic_depth: float = 0.05  # of the last block


CONFIGURATIONS = {
    "emo_1m": Configuration(
        stages=(
            Stage(2, 32, 2.0, 3),
            Stage(2, 48, 2.5, 3),
            Stage(8, 80, 3.0, 5, head_channels=20),
            Stage(3, 168, 3.5, 5, head_channels=21),
        ),
        stochastic_depth=0.04036,
    ),
    "emo_2m": Configuration(
        stages=(
            Stage(3, 32, 2.0, 3),
            Stage(3, 48, 2.5, 3),
            Stage(9, 120, 3.0, 5, head_channels=20),
            Stage(3, 200, 3.5, 5, head_channels=20),
        ),
    ),
    "emo_5m": Configuration(
        stages=(
            Stage(3, 48, 2.0, 3),
            Stage(3, 72, 3.0, 3),
            Stage(9, 160, 4.0, 5, head_channels=32),
            Stage(3, 288, 4.0, 5, head_channels=32),
        ),
    ),
    "emo_6m": Configuration(
        stages=(
            Stage(3, 48, 2.0, 3),
            Stage(3, 72, 3.0, 3),
            Stage(9, 160, 4.0, 5, head_channels=20),
            Stage(3, 320, 5.0, 5, head_channels=32),
        ),
    ),
}


_conv = partial(conv, initializer=pytorch_default)


def mobile_block(
    x, *, channels, expansion, kernel_size, stride, heads, norm, activation, drop_rate, name
):
    """Inverted residual mobile block (figure 2): norm, window attention of `heads` heads if above 0,
    1x1 conv up, depthwise conv, 1x1 conv down.

    The depthwise conv and the whole block have residuals where the shape stays.
    """
    keeps_shape = stride == 1 and x.shape[-1] == channels
    y = norm(x, name=f"{name}_norm")
    if heads:
        y = window_attention(y, heads=heads, name=f"{name}_attention")
    hidden_channels = int(x.shape[-1] * expansion)
    y = _conv(y, hidden_channels, use_bias=True, name=f"{name}_value")
    y = layers.Activation(activation, name=f"{name}_value_{activation}")(y)
    local = local_conv(y, kernel_size, stride=stride, name=f"{name}_local")
    y = layers.Add(name=f"{name}_local_add")([y, local]) if keeps_shape else local
    y = _conv(y, channels, name=f"{name}_project")
    if not keeps_shape:
        return y
    y = stochastic_depth(y, drop_rate, name=f"{name}_drop")
    return layers.Add(name=f"{name}_add")([x, y])


def window_attention(x, *, heads, name):
    """Attention within dilated windows of 7x7 tokens, on the values before they are projected.

    A window's tokens lie `H / 7` and `W / 7` apart. Maps that 7 does not divide are padded on the
    right and bottom with zeros, which take part in the softmax as in the original.
    """
    _, height, width, channels = x.shape
    padded_height, padded_width = whole_patches(height, WINDOW), whole_patches(width, WINDOW)
    padding = ((0, padded_height - height), (0, padded_width - width))
    padded = (padded_height, padded_width) != (height, width)
    if padded:
        x = layers.ZeroPadding2D(padding, data_format="channels_last", name=f"{name}_pad")(x)
    dilation = (padded_height // WINDOW, padded_width // WINDOW)
    x = unfold(x, *dilation)
    query = _conv(x, channels, use_bias=True, name=f"{name}_query")
    key = _conv(x, channels, use_bias=True, name=f"{name}_key")
    x = attend(query, key, x, heads=heads, name=name)
    x = fold(x, *dilation, padded_height, padded_width)
    if padded:
        x = layers.Cropping2D(padding, data_format="channels_last", name=f"{name}_crop")(x)
    return x


def local_conv(x, kernel_size, *, stride=1, name):
    """Depthwise conv, BatchNorm and SiLU, in every stage."""
    return depthwise_conv_norm(
        x,
        kernel_size,
        stride=stride,
        activation="silu",
        epsilon=EPSILON,
        initializer=pytorch_default,
        name=name,
    )


def layer_norm(x, *, name):
    return ChannelNorm(epsilon=EPSILON, name=name)(x)


_batch_norm = partial(batch_norm, epsilon=EPSILON)


def stem(x):
    """Strided conv, then a block of depthwise conv, squeeze-excite and 1x1 conv."""
    x = _conv(x, STEM_CHANNELS, 3, stride=2, use_bias=True, name="stem_conv")
    x = _batch_norm(x, name="stem_norm")
    x = local_conv(x, 3, name="stem_local")
    x = squeeze_excite(x, STEM_CHANNELS, activation="silu", gate="sigmoid", name="stem_se")
    return _conv(x, STEM_CHANNELS, name="stem_project")


def _constructor(preset):
    configuration = CONFIGURATIONS[preset]

    def construct(
        include_top=True,
        weights=None,
        input_tensor=None,
        input_shape=None,
        pooling=None,
        classes=1000,
        classifier_activation="softmax",
        name=None,
    ):
        """EMO as a Keras functional model.

        Args:
            include_top: with the classifier. Without it the output is the last stage's map after
                its norm, `(batch, H / 32, W / 32, channels)`, or pooled; 168, 200, 288 and 320
                channels for 1M, 2M, 5M and 6M.
            weights: None for random initialisation, or the path of a `.weights.h5`, `.keras`,
                `.safetensors` or `.pth` file.
            input_tensor: a Keras tensor to build on instead of a new input.
            input_shape: `(height, width, 3)`, static, each side 32 or more; default
                `(224, 224, 3)`.
            pooling: `"avg"`, `"max"` or None; only with `include_top=False`.
            classes: number of outputs of the classifier.
            classifier_activation: `"softmax"`, or None for logits.
            name: the model's name; default `emo_1m` and alike.

        The input is RGB prepared by `keras_mobilevit.preprocess`, `float32`, channels last.

        Raises:
            ValueError: for arguments that do not fit each other, naming the argument.
        """
        check_arguments(include_top=include_top, weights=weights, pooling=pooling, classes=classes)
        inputs, x = model_input(
            input_tensor,
            input_shape,
            default_size=224,
            contract_of=partial(ModelContract, "EMO", preset, preprocessing=PREPROCESSING),
            weights=weights,
        )
        x = stem(x)
        blocks = sum(stage.depth for stage in configuration.stages)
        drop_rates = stochastic_depth_rates(configuration.stochastic_depth, blocks)
        for index, stage in enumerate(configuration.stages, start=1):
            attends = stage.head_channels > 0
            for block in range(1, stage.depth + 1):
                first = block == 1
                x = mobile_block(
                    x,
                    channels=stage.channels,
                    expansion=stage.expansion * (2 if first else 1),
                    kernel_size=stage.kernel_size,
                    stride=2 if first else 1,
                    heads=stage.channels // stage.head_channels if attends and not first else 0,
                    norm=layer_norm if attends else _batch_norm,
                    activation="gelu" if attends else "silu",
                    drop_rate=next(drop_rates),
                    name=f"stage{index}_block{block}",
                )
        x = layer_norm(x, name="head_norm")
        if include_top:
            x = layers.GlobalAveragePooling2D(data_format="channels_last", name="head_pool")(x)
            x = classifier(x, classes, classifier_activation)
        else:
            x = pooled(x, pooling)
        return build_model(inputs, x, name=name or preset, weights=weights)

    construct.__name__ = construct.__qualname__ = preset.replace("_", "").upper()
    return construct


EMO1M = _constructor("emo_1m")
EMO2M = _constructor("emo_2m")
EMO5M = _constructor("emo_5m")
EMO6M = _constructor("emo_6m")

_register = partial(register, family="EMO", paper=PAPER, input_size=224)
_register("emo_1m", EMO1M, parameters=1_361_168, macs=242_867_720)
_register("emo_2m", EMO2M, parameters=2_377_472, macs=411_556_544)
_register("emo_5m", EMO5M, parameters=5_108_848, macs=864_871_808)
_register("emo_6m", EMO6M, parameters=6_168_496, macs=922_590_528)
