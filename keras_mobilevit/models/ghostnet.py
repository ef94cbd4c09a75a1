"""GhostNet: More Features from Cheap Operations (arXiv 1911.11907), equal to timm's `ghostnet_*`.

The convolutional baseline, and the body that MoCoViT starts from.

| model | parameters | MACs at 224 |
|---|---|---|
| ghostnet_050 | 2,587,292 | 42.33 M |
| ghostnet_100 | 5,182,508 | 141.15 M |
| ghostnet_130 | 7,358,820 | 227.00 M |
"""

from dataclasses import dataclass
from functools import partial

from keras import layers

from keras_mobilevit.contract import ModelContract, Preprocessing
from keras_mobilevit.layers.convolution import conv, conv_norm, make_divisible
from keras_mobilevit.layers.ghost import ghost_bottleneck
from keras_mobilevit.models.assembly import (
    build_model,
    check_arguments,
    classifier,
    model_input,
    pooled,
)
from keras_mobilevit.models.registry import register

PAPER = "arXiv 1911.11907"
PREPROCESSING = Preprocessing()
STEM_CHANNELS = 16
HEAD_CHANNELS = 1280
DROPOUT = 0.2


@dataclass(frozen=True)
class Bottleneck:
    """One row of the paper's table 1; channels at width 1.0."""

    kernel_size: int
    hidden_channels: int
    channels: int
    squeeze_excite_ratio: float = 0.0
    stride: int = 1

    def widened(self, width_multiplier):
        """The row's channels at another width, as arguments of `ghost_bottleneck`."""
        return {
            "kernel_size": self.kernel_size,
            "hidden_channels": make_divisible(self.hidden_channels * width_multiplier, 4),
            "channels": make_divisible(self.channels * width_multiplier, 4),
            "squeeze_excite_ratio": self.squeeze_excite_ratio,
            "stride": self.stride,
        }


# Table 1. A stage holds the bottlenecks of one input size (112, 56, 28, 14, 7 at 224), as the paper
# groups them: only the last of a stage strides.
STAGES = (
    (Bottleneck(3, 16, 16), Bottleneck(3, 48, 24, stride=2)),
    (Bottleneck(3, 72, 24), Bottleneck(5, 72, 40, 0.25, stride=2)),
    (Bottleneck(5, 120, 40, 0.25), Bottleneck(3, 240, 80, stride=2)),
    (
        Bottleneck(3, 200, 80),
        Bottleneck(3, 184, 80),
        Bottleneck(3, 184, 80),
        Bottleneck(3, 480, 112, 0.25),
        Bottleneck(3, 672, 112, 0.25),
        Bottleneck(5, 672, 160, 0.25, stride=2),
    ),
    (
        Bottleneck(5, 960, 160),
        Bottleneck(5, 960, 160, 0.25),
        Bottleneck(5, 960, 160),
        Bottleneck(5, 960, 160, 0.25),
    ),
)


def GhostNet(
    width_multiplier=1.0,
    include_top=True,
    weights=None,
    input_tensor=None,
    input_shape=None,
    pooling=None,
    classes=1000,
    classifier_activation="softmax",
    name=None,
):
    """GhostNet as a Keras functional model.

    Args:
        width_multiplier: scales the channels; the paper publishes 0.5, 1.0 and 1.3.
        include_top: with the classifier. Without it the output is the last 1x1 convolution's map
            `(batch, H / 32, W / 32, 960 * width_multiplier)`, or pooled.
        weights: None for random initialisation, `"imagenet"` or the tag of published weights (see
            `keras_mobilevit/weights/published.py`), or the path of a `.weights.h5`, `.keras`,
            `.safetensors` or `.pth` file.
        input_tensor: a Keras tensor to build on instead of a new input.
        input_shape: `(height, width, 3)`, static, each side 32 or more; default `(224, 224, 3)`.
        pooling: `"avg"`, `"max"` or None; only with `include_top=False`.
        classes: number of outputs of the classifier.
        classifier_activation: `"softmax"`, or None for logits.
        name: the model's name; default `ghostnet_100` and alike.

    The input is RGB normalized by `keras_mobilevit.preprocess`, `float32`, channels last.

    Raises:
        ValueError: for arguments that do not fit each other, naming the argument.
    """
    check_arguments(include_top=include_top, weights=weights, pooling=pooling, classes=classes)
    preset = f"ghostnet_{round(100 * width_multiplier):03d}"
    inputs, x = model_input(
        input_tensor,
        input_shape,
        default_size=224,
        contract_of=partial(ModelContract, "GhostNet", preset, preprocessing=PREPROCESSING),
        weights=weights,
    )
    x = stem(x, width_multiplier)
    for stage, rows in enumerate(STAGES, start=1):
        for block, row in enumerate(rows, start=1):
            x = ghost_bottleneck(
                x, **row.widened(width_multiplier), name=f"stage{stage}_block{block}"
            )
    x = head(
        x,
        width_multiplier,
        include_top=include_top,
        pooling=pooling,
        classes=classes,
        classifier_activation=classifier_activation,
    )
    return build_model(inputs, x, name=name or preset, weights=weights)


def stem(x, width_multiplier):
    channels = make_divisible(STEM_CHANNELS * width_multiplier, 4)
    return conv_norm(x, channels, 3, stride=2, activation="relu", name="stem")


def head(x, width_multiplier, *, include_top, pooling, classes, classifier_activation):
    """1x1 conv to the last hidden width, pooling, 1x1 conv to 1280, classifier."""
    channels = make_divisible(STAGES[-1][-1].hidden_channels * width_multiplier, 4)
    x = conv_norm(x, channels, activation="relu", name="head")
    if not include_top:
        return pooled(x, pooling)
    x = layers.GlobalAveragePooling2D(keepdims=True, data_format="channels_last", name="head_pool")(
        x
    )
    x = conv(x, HEAD_CHANNELS, use_bias=True, activation="relu", name="head_expand")
    x = layers.Flatten(name="head_flatten")(x)
    return classifier(x, classes, classifier_activation, dropout=DROPOUT)


_register = partial(register, constructor=GhostNet, family="GhostNet", paper=PAPER, input_size=224)
_register("ghostnet_050", width_multiplier=0.5, parameters=2_587_292, macs=42_328_152)
_register("ghostnet_100", width_multiplier=1.0, parameters=5_182_508, macs=141_150_512)
_register("ghostnet_130", width_multiplier=1.3, parameters=7_358_820, macs=227_003_256)
