"""MobileViTv2: separable self-attention for mobile vision transformers (arXiv 2206.02680).

Attention is linear in the tokens: one context vector, weighted by a softmax over the tokens, scales
every value. Equal to Apple's and timm's; Hugging Face's port differs where a map has odd sides.

| model | parameters | MACs at 256 |
|---|---|---|
| mobilevitv2_050 | 1,370,593 | 464.59 M |
| mobilevitv2_075 | 2,866,009 | 1027.98 M |
| mobilevitv2_100 | 4,901,841 | 1812.09 M |
| mobilevitv2_125 | 7,478,089 | 2816.93 M |
| mobilevitv2_150 | 10,594,753 | 4042.49 M |
| mobilevitv2_175 | 14,251,833 | 5488.77 M |
| mobilevitv2_200 | 18,449,329 | 7155.79 M |
"""

from dataclasses import dataclass
from functools import partial

from keras import layers, ops

from keras_mobilevit.contract import ModelContract, Preprocessing
from keras_mobilevit.layers.attention import dot_product_attention, multi_head_attention, softmax
from keras_mobilevit.layers.convolution import (
    conv,
    conv_norm,
    dense,
    depthwise_conv_norm,
    make_divisible,
)
from keras_mobilevit.layers.inverted_residual import inverted_residual
from keras_mobilevit.layers.normalization import MapNorm
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

PAPER = "arXiv 2206.02680"
PATCH = 2  # height and width of a patch
STEM_CHANNELS = 32
EXPANSION = 2  # of inverted residuals and of feed-forward networks
VANILLA_HEADS = 4  # of the multi-head attention that the paper compares with
LINFORMER_TOKENS = 256  # that Linformer (arXiv 2006.04768) projects keys and values to, at most

# Pixels in 0..1 without mean and deviation: Apple's recipe.
PREPROCESSING = Preprocessing((0, 0, 0), (1, 1, 1), crop_fraction=0.888, interpolation="bicubic")


@dataclass(frozen=True)
class Stage:
    """`depth` inverted residuals, the first with `stride`, and a MobileViTv2 block after them if
    `transformer_depth` is above 0. Channels are those of width 1.0.
    """

    channels: int
    depth: int = 1
    stride: int = 2
    transformer_channels: int = 0
    transformer_depth: int = 0


# Table 1 (appendix).
STAGES = (
    Stage(64, stride=1),
    Stage(128, depth=2),
    Stage(256, transformer_channels=128, transformer_depth=2),
    Stage(384, transformer_channels=192, transformer_depth=4),
    Stage(512, transformer_channels=256, transformer_depth=3),
)


def separable_self_attention(x, *, name):
    """Figure 4c: scores of the tokens, the context vector they weigh, and values it scales."""
    channels = x.shape[-1]
    scores = dense(x, 1, name=f"{name}_query")
    scores = softmax(scores, axis=2, name=name)
    key = dense(x, channels, name=f"{name}_key")
    context = ops.sum(layers.Multiply(name=f"{name}_weigh")([key, scores]), axis=2, keepdims=True)
    value = dense(x, channels, name=f"{name}_value")
    value = layers.Activation("relu", name=f"{name}_relu")(value)
    x = layers.Multiply(name=f"{name}_scale")([value, context])
    return dense(x, channels, name=f"{name}_project")


def linformer_self_attention(x, *, name):
    """Attention to at most `LINFORMER_TOKENS` learned mixtures of the tokens (Linformer)."""
    _, _, tokens, channels = x.shape
    mixtures = min(tokens, LINFORMER_TOKENS)

    def mix(part):
        y = ops.swapaxes(dense(x, channels, name=f"{name}_{part}"), 2, 3)
        return ops.swapaxes(dense(y, mixtures, name=f"{name}_{part}_mix"), 2, 3)

    query = dense(x, channels, name=f"{name}_query")
    x = dot_product_attention(query, mix("key"), mix("value"), name=name)
    return dense(x, channels, name=f"{name}_project")


ATTENTIONS = {
    "separable": separable_self_attention,
    "mhsa": partial(multi_head_attention, heads=VANILLA_HEADS),
    "linformer": linformer_self_attention,
}


def mobilevitv2_block(x, *, channels, depth, dilation, attention, name):
    """Figure 2: depthwise convolution, unfold, transformers, fold; no fusion with the input.

    Odd sides are resized up for the 2x2 patches and stay so.
    """
    _, height, width, input_channels = x.shape
    height, width = whole_patches(height, PATCH), whole_patches(width, PATCH)
    x = resize_bilinear(x, height, width, align_corners=True)
    x = depthwise_conv_norm(x, 3, dilation=dilation, activation="silu", name=f"{name}_local")
    x = conv(x, channels, name=f"{name}_local_project")
    x = unfold(x, PATCH, PATCH)
    for block in range(1, depth + 1):
        x = transformer(x, attention=attention, name=f"{name}_transformer{block}")
    x = MapNorm(name=f"{name}_norm")(x)
    x = fold(x, PATCH, PATCH, height, width)
    return conv_norm(x, input_channels, name=f"{name}_project")


def transformer(x, *, attention, name):
    """Pre-norm transformer layer on `(batch, P, N, C)`; the norm is over the whole map."""
    channels = x.shape[-1]
    y = MapNorm(name=f"{name}_attention_norm")(x)
    y = ATTENTIONS[attention](y, name=f"{name}_attention")
    x = layers.Add(name=f"{name}_attention_add")([x, y])
    y = MapNorm(name=f"{name}_ffn_norm")(x)
    y = dense(y, EXPANSION * channels, name=f"{name}_ffn_expand")
    y = layers.Activation("silu", name=f"{name}_ffn_silu")(y)
    y = dense(y, channels, name=f"{name}_ffn_project")
    return layers.Add(name=f"{name}_ffn_add")([x, y])


def MobileViTV2(
    width_multiplier=1.0,
    include_top=True,
    weights=None,
    input_tensor=None,
    input_shape=None,
    pooling=None,
    classes=1000,
    classifier_activation="softmax",
    name=None,
    *,
    attention="separable",
    output_stride=32,
):
    """MobileViTv2 as a Keras functional model.

    Args:
        width_multiplier: scales the channels; published from 0.5 to 2.0 in steps of 0.25.
        include_top: with the classifier. Without it the output is the last stage's map
            `(batch, H / 32, W / 32, 512 * width_multiplier)`, or pooled.
        weights: None for random initialisation, `"imagenet"` or the tag of published weights (see
            `keras_mobilevit/weights/published.py`), or the path of a `.weights.h5`, `.keras`,
            `.safetensors` or `.pth` file.
        input_tensor: a Keras tensor to build on instead of a new input.
        input_shape: `(height, width, 3)`, static, each side 32 or more; default `(256, 256, 3)`.
            Maps with odd sides are resized up for the 2x2 patches.
        pooling: `"avg"`, `"max"` or None; only with `include_top=False`.
        classes: number of outputs of the classifier.
        classifier_activation: `"softmax"`, or None for logits.
        name: the model's name; default `mobilevitv2_100` and alike.
        attention: `"separable"`, or `"mhsa"` or `"linformer"`, which the paper compares it with.
        output_stride: 32, or 16 or 8 to leave out the last strides and dilate instead.

    The input is RGB prepared by `keras_mobilevit.preprocess`, `float32`, channels last.

    Raises:
        ValueError: for arguments that do not fit each other, naming the argument.
    """
    check_arguments(include_top=include_top, weights=weights, pooling=pooling, classes=classes)
    check_output_stride(output_stride)
    if attention not in ATTENTIONS:
        raise ValueError(f"attention={attention!r}: use one of {tuple(ATTENTIONS)}")
    preset = f"mobilevitv2_{round(100 * width_multiplier):03d}"
    inputs, x = model_input(
        input_tensor,
        input_shape,
        default_size=256,
        contract_of=partial(ModelContract, "MobileViTV2", preset, preprocessing=PREPROCESSING),
        weights=weights,
    )

    def widened(channels):
        return make_divisible(channels * width_multiplier, 8)

    x = conv_norm(x, widened(STEM_CHANNELS), 3, stride=2, activation="silu", name="stem")
    reached, dilation = 2, 1
    for index, stage in enumerate(STAGES, start=1):
        for block in range(1, stage.depth + 1):
            stride = stage.stride if block == 1 else 1
            keeps_size = reached * stride > output_stride
            x = inverted_residual(
                x,
                channels=widened(stage.channels),
                expansion=EXPANSION,
                stride=1 if keeps_size else stride,
                dilation=dilation if block == 1 else 1,
                name=f"stage{index}_block{block}",
            )
            # A stride that is left out dilates what comes after it.
            reached, dilation = (
                (reached, dilation * stride) if keeps_size else (reached * stride, dilation)
            )
        if stage.transformer_depth:
            x = mobilevitv2_block(
                x,
                channels=widened(stage.transformer_channels),
                depth=stage.transformer_depth,
                dilation=dilation,
                attention=attention,
                name=f"stage{index}_mobilevitv2",
            )
    if include_top:
        x = layers.GlobalAveragePooling2D(data_format="channels_last", name="head_pool")(x)
        x = classifier(x, classes, classifier_activation)
    else:
        x = pooled(x, pooling)
    return build_model(inputs, x, name=name or preset, weights=weights)


_register = partial(
    register, constructor=MobileViTV2, family="MobileViTV2", paper=PAPER, input_size=256
)
for _width, _parameters, _macs in (
    (0.5, 1_370_593, 464_594_944),
    (0.75, 2_866_009, 1_027_980_288),
    (1.0, 4_901_841, 1_812_090_880),
    (1.25, 7_478_089, 2_816_926_720),
    (1.5, 10_594_753, 4_042_487_808),
    (1.75, 14_251_833, 5_488_774_144),
    (2.0, 18_449_329, 7_155_785_728),
):
    _register(
        f"mobilevitv2_{round(100 * _width):03d}",
        width_multiplier=_width,
        parameters=_parameters,
        macs=_macs,
    )
