"""MobileViT: light-weight, general-purpose, mobile-friendly vision transformer (arXiv 2110.02178).

Equal to Apple's, timm's and Hugging Face's, which are one function under three sets of names.

| model | parameters | MACs at 256 | with the attention's products |
|---|---|---|---|
| mobilevit_xxs | 1,272,024 | 329.18 M | 407.36 M |
| mobilevit_xs | 2,317,848 | 908.64 M | 1025.91 M |
| mobilevit_s | 5,578,632 | 1823.20 M | 2000.83 M |
"""

from dataclasses import dataclass
from functools import partial

from keras import layers

from keras_mobilevit.contract import ModelContract, Preprocessing
from keras_mobilevit.layers.attention import multi_head_attention
from keras_mobilevit.layers.convolution import conv, conv_norm, dense
from keras_mobilevit.layers.inverted_residual import inverted_residual
from keras_mobilevit.layers.normalization import ChannelNorm
from keras_mobilevit.layers.patches import fold, resize_bilinear, unfold, whole_patches
from keras_mobilevit.models.assembly import (
    build_model,
    check_arguments,
    check_output_stride,
    classifier,
    model_input,
    pooled,
)
from keras_mobilevit.models.registry import register

PAPER = "arXiv 2110.02178"
PATCH = 2  # height and width of a patch
STEM_CHANNELS = 16
HEADS = 4
FFN_EXPANSION = 2
DROPOUT = 0.1  # of attention, feed-forward and classifier in Apple's recipe

# Pixels in 0..1 without mean and deviation: Apple's recipe.
PREPROCESSING = Preprocessing((0, 0, 0), (1, 1, 1), crop_fraction=0.9, interpolation="bicubic")


@dataclass(frozen=True)
class Stage:
    """`depth` inverted residuals, the first with `stride`, and a MobileViT block after them if
    `transformer_depth` is above 0.
    """

    channels: int
    depth: int = 1
    stride: int = 2
    transformer_channels: int = 0
    transformer_depth: int = 0


@dataclass(frozen=True)
class Configuration:
    """One model of table 4 (appendix A)."""

    expansion: int
    stages: tuple[Stage, ...]
    head_channels: int


CONFIGURATIONS = {
    "mobilevit_xxs": Configuration(
        expansion=2,
        stages=(
            Stage(16, stride=1),
            Stage(24, depth=3),
            Stage(48, transformer_channels=64, transformer_depth=2),
            Stage(64, transformer_channels=80, transformer_depth=4),
            Stage(80, transformer_channels=96, transformer_depth=3),
        ),
        head_channels=320,
    ),
    "mobilevit_xs": Configuration(
        expansion=4,
        stages=(
            Stage(32, stride=1),
            Stage(48, depth=3),
            Stage(64, transformer_channels=96, transformer_depth=2),
            Stage(80, transformer_channels=120, transformer_depth=4),
            Stage(96, transformer_channels=144, transformer_depth=3),
        ),
        head_channels=384,
    ),
    "mobilevit_s": Configuration(
        expansion=4,
        stages=(
            Stage(32, stride=1),
            Stage(64, depth=3),
            Stage(96, transformer_channels=144, transformer_depth=2),
            Stage(128, transformer_channels=192, transformer_depth=4),
            Stage(160, transformer_channels=240, transformer_depth=3),
        ),
        head_channels=640,
    ),
}


def mobilevit_block(x, *, channels, depth, name):
    """Figure 1b: local convolutions, unfold, transformers, fold, fusion with the input."""
    _, height, width, input_channels = x.shape
    y = conv_norm(x, input_channels, 3, activation="silu", name=f"{name}_local")
    y = conv(y, channels, name=f"{name}_local_project")
    whole_height, whole_width = whole_patches(height, PATCH), whole_patches(width, PATCH)
    y = resize_bilinear(y, whole_height, whole_width, align_corners=False)
    y = unfold(y, PATCH, PATCH)
    for block in range(1, depth + 1):
        y = transformer(y, name=f"{name}_transformer{block}")
    y = ChannelNorm(name=f"{name}_norm")(y)
    y = fold(y, PATCH, PATCH, whole_height, whole_width)
    y = resize_bilinear(y, height, width, align_corners=False)
    y = conv_norm(y, input_channels, activation="silu", name=f"{name}_project")
    y = layers.Concatenate(name=f"{name}_concat")([x, y])
    return conv_norm(y, input_channels, 3, activation="silu", name=f"{name}_fusion")


def transformer(x, *, name):
    """Pre-norm transformer layer on `(batch, P, N, C)`."""
    channels = x.shape[-1]
    y = ChannelNorm(name=f"{name}_attention_norm")(x)
    y = multi_head_attention(y, heads=HEADS, name=f"{name}_attention")
    y = layers.Dropout(DROPOUT, name=f"{name}_attention_dropout")(y)
    x = layers.Add(name=f"{name}_attention_add")([x, y])
    y = ChannelNorm(name=f"{name}_ffn_norm")(x)
    y = dense(y, FFN_EXPANSION * channels, name=f"{name}_ffn_expand")
    y = layers.Activation("silu", name=f"{name}_ffn_silu")(y)
    y = dense(y, channels, name=f"{name}_ffn_project")
    y = layers.Dropout(DROPOUT, name=f"{name}_ffn_dropout")(y)
    return layers.Add(name=f"{name}_ffn_add")([x, y])


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
        *,
        output_stride=32,
    ):
        """MobileViT as a Keras functional model.

        Args:
            include_top: with the classifier. Without it the output is the last 1x1 convolution's
                map `(batch, H / 32, W / 32, channels)`, or pooled; 320, 384 and 640 channels for
                XXS, XS and S.
            weights: None for random initialisation, `"imagenet"` or the tag of published weights (see
                `keras_mobilevit/weights/published.py`), or the path of a `.weights.h5`, `.keras`,
                `.safetensors` or `.pth` file.
            input_tensor: a Keras tensor to build on instead of a new input.
            input_shape: `(height, width, 3)`, static, each side 32 or more; default
                `(256, 256, 3)`. Maps with odd sides are resized for the 2x2 patches, and back.
            pooling: `"avg"`, `"max"` or None; only with `include_top=False`.
            classes: number of outputs of the classifier.
            classifier_activation: `"softmax"`, or None for logits.
            name: the model's name; default `mobilevit_s` and alike.
            output_stride: 32, or 16 or 8 to leave out the last strides and dilate instead.

        The input is RGB prepared by `keras_mobilevit.preprocess`, `float32`, channels last.

        Raises:
            ValueError: for arguments that do not fit each other, naming the argument.
        """
        check_arguments(include_top=include_top, weights=weights, pooling=pooling, classes=classes)
        check_output_stride(output_stride)
        inputs, x = model_input(
            input_tensor,
            input_shape,
            default_size=256,
            contract_of=partial(ModelContract, "MobileViT", preset, preprocessing=PREPROCESSING),
            weights=weights,
        )
        x = conv_norm(x, STEM_CHANNELS, 3, stride=2, activation="silu", name="stem")
        reached, dilation = 2, 1
        for index, stage in enumerate(configuration.stages, start=1):
            for block in range(1, stage.depth + 1):
                stride = stage.stride if block == 1 else 1
                keeps_size = reached * stride > output_stride
                x = inverted_residual(
                    x,
                    channels=stage.channels,
                    expansion=configuration.expansion,
                    stride=1 if keeps_size else stride,
                    dilation=dilation if block == 1 else 1,
                    name=f"stage{index}_block{block}",
                )
                # A stride that is left out dilates what comes after it.
                reached, dilation = (
                    (reached, dilation * stride) if keeps_size else (reached * stride, dilation)
                )
            if stage.transformer_depth:
                x = mobilevit_block(
                    x,
                    channels=stage.transformer_channels,
                    depth=stage.transformer_depth,
                    name=f"stage{index}_mobilevit",
                )
        x = conv_norm(x, configuration.head_channels, activation="silu", name="head")
        if include_top:
            x = layers.GlobalAveragePooling2D(data_format="channels_last", name="head_pool")(x)
            x = classifier(x, classes, classifier_activation, dropout=DROPOUT)
        else:
            x = pooled(x, pooling)
        return build_model(inputs, x, name=name or preset, weights=weights)

    construct.__name__ = construct.__qualname__ = f"MobileViT{preset.rpartition('_')[2].upper()}"
    return construct


MobileViTXXS = _constructor("mobilevit_xxs")
MobileViTXS = _constructor("mobilevit_xs")
MobileViTS = _constructor("mobilevit_s")

_register = partial(register, family="MobileViT", paper=PAPER, input_size=256)
_register("mobilevit_xxs", MobileViTXXS, parameters=1_272_024, macs=329_179_648)
_register("mobilevit_xs", MobileViTXS, parameters=2_317_848, macs=908_635_136)
_register("mobilevit_s", MobileViTS, parameters=5_578_632, macs=1_823_196_160)
