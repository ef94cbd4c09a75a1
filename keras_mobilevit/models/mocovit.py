"""MoCoViT: Mobile Convolutional Vision Transformer (arXiv 2205.12635).

GhostNet's stem and bottlenecks down to 1/32 of the input, then mobile transformer blocks: mobile
self-attention (MoSA) and a mobile feed-forward network (MoFFN), both made of ghost modules, with
residuals around both, BatchNorm only and ReLU only.

| model | parameters | MACs at 224 | with the attention's products |
|---|---|---|---|
| mocovit_050 | 2,853,452 | 44.10 M | 45.63 M |
| mocovit_100 | 6,226,828 | 147.65 M | 150.73 M |

The authors published neither code nor weights, so the paper's description and its 147 M bind this
file; the BatchNorm before each half of a block is what the parameter counts ask for. Stages are counted as in the paper: 1 to 4 work on
1/4, 1/8, 1/16 and 1/32 of the input, and the two bottlenecks before them belong to the stem.
"""

from functools import partial

from keras import layers

from keras_mobilevit.contract import ModelContract
from keras_mobilevit.layers.attention import dot_product_attention, feature_map, tokens
from keras_mobilevit.layers.convolution import (
    batch_norm,
    conv_norm,
    depthwise_conv_norm,
    make_divisible,
)
from keras_mobilevit.layers.ghost import ghost_bottleneck, ghost_module
from keras_mobilevit.layers.squeeze_excite import squeeze_excite
from keras_mobilevit.models import ghostnet
from keras_mobilevit.models.assembly import build_model, check_arguments, model_input
from keras_mobilevit.models.registry import register

PAPER = "arXiv 2205.12635"
STEM_BLOCKS, *STAGES = ghostnet.STAGES
SQUEEZE_EXCITE_RATIO = 0.25  # of the MoFFN's hidden channels
VANILLA_HEADS = 4  # of the self-attention that the paper compares MoSA with


def mobile_self_attention(x, *, name):
    """MoSA (figure 3): query, key and value are one shared ghost branch, and a depthwise conv of
    that branch refines the attended values before the output ghost module.
    """
    _, height, width, channels = x.shape
    value = ghost_module(x, channels, name=f"{name}_value")
    shared = tokens(value, name=f"{name}_value")
    attended = dot_product_attention(shared, shared, shared, name=name)
    attended = feature_map(attended, height, width, name=name)
    refined = depthwise_conv_norm(value, 3, name=f"{name}_refine")
    x = layers.Add(name=f"{name}_refine_add")([attended, refined])
    return ghost_module(x, channels, name=f"{name}_project")


def multi_head_self_attention(x, *, name):
    """Vanilla self-attention with 1x1 convolutions, the paper's comparison for MoSA."""
    _, height, width, channels = x.shape
    query, key, value = (
        tokens(
            conv_norm(x, channels, name=f"{name}_{part}"),
            heads=VANILLA_HEADS,
            name=f"{name}_{part}",
        )
        for part in ("query", "key", "value")
    )
    x = dot_product_attention(query, key, value, name=name)
    x = feature_map(x, height, width, name=name)
    return conv_norm(x, channels, name=f"{name}_project")


def mobile_feed_forward(x, hidden_channels, *, name):
    """MoFFN (figure 4): ghost module up, squeeze-excite, ghost module down."""
    channels = x.shape[-1]
    x = ghost_module(x, hidden_channels, activation="relu", name=f"{name}_expand")
    x = squeeze_excite(
        x, make_divisible(hidden_channels * SQUEEZE_EXCITE_RATIO, 4), name=f"{name}_se"
    )
    return ghost_module(x, channels, name=f"{name}_project")


def multi_layer_perceptron(x, hidden_channels, *, name):
    """The vanilla feed-forward network, the paper's comparison for MoFFN."""
    channels = x.shape[-1]
    x = conv_norm(x, hidden_channels, activation="relu", name=f"{name}_expand")
    return conv_norm(x, channels, name=f"{name}_project")


ATTENTIONS = {"mosa": mobile_self_attention, "mhsa": multi_head_self_attention}
FEED_FORWARDS = {"moffn": mobile_feed_forward, "mlp": multi_layer_perceptron}


def transformer_block(x, *, hidden_channels, attention, ffn, name):
    """Mobile transformer block (figure 2): attention and feed-forward, each behind a BatchNorm
    where other transformers have LayerNorm, and each with a residual.
    """
    y = batch_norm(x, name=f"{name}_{attention}_norm")
    y = ATTENTIONS[attention](y, name=f"{name}_{attention}")
    x = layers.Add(name=f"{name}_{attention}_add")([x, y])
    y = batch_norm(x, name=f"{name}_{ffn}_norm")
    y = FEED_FORWARDS[ffn](y, hidden_channels, name=f"{name}_{ffn}")
    return layers.Add(name=f"{name}_{ffn}_add")([x, y])


def MoCoViT(
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
    attention="mosa",
    ffn="moffn",
    transformer_stages=(4,),
):
    """MoCoViT as a Keras functional model.

    Args:
        width_multiplier: scales the channels; 1.0 is the paper's 147 M model.
        include_top: with the classifier. Without it the output is the last 1x1 convolution's map
            `(batch, H / 32, W / 32, 960 * width_multiplier)`, or pooled.
        weights: None for random initialisation, or the path of a `.weights.h5` or `.keras` file.
        input_tensor: a Keras tensor to build on instead of a new input.
        input_shape: `(height, width, 3)`, static, each side 32 or more; default `(224, 224, 3)`.
        pooling: `"avg"`, `"max"` or None; only with `include_top=False`.
        classes: number of outputs of the classifier.
        classifier_activation: `"softmax"`, or None for logits.
        name: the model's name; default `mocovit_100` and alike.
        attention: `"mosa"`, or `"mhsa"` for vanilla self-attention (the paper's comparison).
        ffn: `"moffn"`, or `"mlp"` for the vanilla feed-forward network.
        transformer_stages: stages, of 1 to 4, whose bottlenecks are transformer blocks wherever
            they keep the shape. The paper's placement is `(4,)`.

    The input is RGB normalized by `keras_mobilevit.preprocess`, `float32`, channels last.

    Raises:
        ValueError: for arguments that do not fit each other, naming the argument.
    """
    check_arguments(include_top=include_top, weights=weights, pooling=pooling, classes=classes)
    if attention not in ATTENTIONS:
        raise ValueError(f"attention={attention!r}: use one of {tuple(ATTENTIONS)}")
    if ffn not in FEED_FORWARDS:
        raise ValueError(f"ffn={ffn!r}: use one of {tuple(FEED_FORWARDS)}")
    if not set(transformer_stages) <= {1, 2, 3, 4}:
        raise ValueError(f"transformer_stages={transformer_stages}: use stages of 1, 2, 3, 4")
    preset = f"mocovit_{round(100 * width_multiplier):03d}"
    inputs, x = model_input(
        input_tensor,
        input_shape,
        default_size=224,
        contract_of=partial(ModelContract, "MoCoViT", preset, preprocessing=ghostnet.PREPROCESSING),
        weights=weights,
    )
    x = ghostnet.stem(x, width_multiplier)
    for block, row in enumerate(STEM_BLOCKS, start=1):
        x = ghost_bottleneck(x, **row.widened(width_multiplier), name=f"stem_block{block}")
    for stage, rows in enumerate(STAGES, start=1):
        for block, row in enumerate(rows, start=1):
            row = row.widened(width_multiplier)
            name_ = f"stage{stage}_block{block}"
            keeps_shape = row["stride"] == 1 and row["channels"] == x.shape[-1]
            if stage in transformer_stages and keeps_shape:
                x = transformer_block(
                    x,
                    hidden_channels=row["hidden_channels"],
                    attention=attention,
                    ffn=ffn,
                    name=name_,
                )
            else:
                x = ghost_bottleneck(x, **row, name=name_)
    x = ghostnet.head(
        x,
        width_multiplier,
        include_top=include_top,
        pooling=pooling,
        classes=classes,
        classifier_activation=classifier_activation,
    )
    return build_model(inputs, x, name=name or preset, weights=weights)


_register = partial(register, constructor=MoCoViT, family="MoCoViT", paper=PAPER, input_size=224)
_register("mocovit_050", width_multiplier=0.5, parameters=2_853_452, macs=44_095_192)
_register("mocovit_100", width_multiplier=1.0, parameters=6_226_828, macs=147_654_192)
