"""CAS-ViT: Convolutional Additive Self-attention Vision Transformers (arXiv 2408.03703).

No products of tokens and no softmax: query and key are gated by what they hold, over positions and
over channels, and their sum, mixed by a depthwise convolution, scales the value. Equal to the
authors' code, whose integration subnet is a pointwise, a depthwise and a pointwise convolution.

| model | parameters | MACs at 224 |
|---|---|---|
| cas_vit_xs | 3,200,700 | 547.00 M |
| cas_vit_s | 5,764,224 | 912.25 M |
| cas_vit_m | 12,421,520 | 1859.48 M |
| cas_vit_t | 21,763,120 | 3557.43 M |

Both heads are counted: one learns from the labels and one from a teacher, and the model answers with
their mean, in training too. Query, key and value are projected apart, where the original has one
convolution.
"""

from dataclasses import dataclass
from functools import partial

from keras import initializers, layers

from keras_mobilevit.contract import ModelContract, Preprocessing
from keras_mobilevit.layers.convolution import (
    batch_norm,
    conv,
    depthwise_conv,
    pytorch_default,
)
from keras_mobilevit.layers.residual import stochastic_depth, stochastic_depth_rates
from keras_mobilevit.models.assembly import build_model, check_arguments, model_input, pooled
from keras_mobilevit.models.registry import register

PAPER = "arXiv 2408.03703"
MLP_EXPANSION = 4
STOCHASTIC_DEPTH = 0.1  # of the last block; the authors' README

PREPROCESSING = Preprocessing(interpolation="bicubic")


@dataclass(frozen=True)
class Stage:
    """`depth` blocks of `channels`, on 1/4 of the input's sides and half as much each stage on."""

    depth: int
    channels: int


# The authors' `rcvit_xs`, `rcvit_s`, `rcvit_m` and `rcvit_t`.
CONFIGURATIONS = {
    "cas_vit_xs": (
        Stage(depth=2, channels=48),
        Stage(depth=2, channels=56),
        Stage(depth=4, channels=112),
        Stage(depth=2, channels=220),
    ),
    "cas_vit_s": (
        Stage(depth=3, channels=48),
        Stage(depth=3, channels=64),
        Stage(depth=6, channels=128),
        Stage(depth=3, channels=256),
    ),
    "cas_vit_m": (
        Stage(depth=3, channels=64),
        Stage(depth=3, channels=96),
        Stage(depth=6, channels=192),
        Stage(depth=3, channels=384),
    ),
    "cas_vit_t": (
        Stage(depth=3, channels=96),
        Stage(depth=3, channels=128),
        Stage(depth=6, channels=256),
        Stage(depth=3, channels=512),
    ),
}


# The original keeps PyTorch's default start. The wider He start lets the products of query, key and
# value grow from block to block until an untrained model overflows.
_conv = partial(conv, initializer=pytorch_default)
_depthwise_conv = partial(depthwise_conv, use_bias=True, initializer=pytorch_default)


def stem(x, channels):
    """Two convolutions of stride 2."""
    for index, width in enumerate((channels // 2, channels), start=1):
        x = _conv(x, width, 3, stride=2, use_bias=True, name=f"stem_conv{index}")
        x = batch_norm(x, name=f"stem_norm{index}")
        x = layers.Activation("relu", name=f"stem_relu{index}")(x)
    return x


def integration_subnet(x, *, name):
    """Local perception before the token mixer, with its residual."""
    channels = x.shape[-1]
    y = _conv(x, channels, use_bias=True, name=f"{name}_pointwise")
    y = batch_norm(y, name=f"{name}_norm")
    y = _depthwise_conv(y, 3, name=f"{name}_depthwise")
    y = layers.Activation("gelu", name=f"{name}_gelu")(y)
    y = _conv(y, channels, use_bias=True, name=f"{name}_project")
    return layers.Add(name=f"{name}_add")([x, y])


def spatial_operation(x, *, name):
    """Scale the positions by a sigmoid gate of their neighbourhood."""
    gate = _depthwise_conv(x, 3, name=f"{name}_depthwise")
    gate = batch_norm(gate, name=f"{name}_norm")
    gate = layers.Activation("relu", name=f"{name}_relu")(gate)
    gate = _conv(gate, 1, activation="sigmoid", name=f"{name}_gate")
    return layers.Multiply(name=f"{name}_scale")([x, gate])


def channel_operation(x, *, name):
    """Scale the channels by a sigmoid gate of the global mean."""
    gate = layers.GlobalAveragePooling2D(
        keepdims=True, data_format="channels_last", name=f"{name}_pool"
    )(x)
    gate = _conv(gate, x.shape[-1], activation="sigmoid", name=f"{name}_gate")
    return layers.Multiply(name=f"{name}_scale")([x, gate])


def additive_token_mixer(x, *, name):
    """Convolutional additive token mixer, CATM: `project(mix(f(q) + f(k)) * v)`."""
    channels = x.shape[-1]
    query, key, value = (
        _conv(x, channels, name=f"{name}_{part}") for part in ("query", "key", "value")
    )
    query = spatial_operation(query, name=f"{name}_query_spatial")
    query = channel_operation(query, name=f"{name}_query_channel")
    key = spatial_operation(key, name=f"{name}_key_spatial")
    key = channel_operation(key, name=f"{name}_key_channel")
    context = layers.Add(name=f"{name}_context_add")([query, key])
    context = _depthwise_conv(context, 3, name=f"{name}_context")
    x = layers.Multiply(name=f"{name}_scale")([context, value])
    return _depthwise_conv(x, 3, name=f"{name}_project")


def multi_layer_perceptron(x, *, name):
    channels = x.shape[-1]
    x = _conv(x, MLP_EXPANSION * channels, use_bias=True, name=f"{name}_expand")
    x = layers.Activation("gelu", name=f"{name}_gelu")(x)
    return _conv(x, channels, use_bias=True, name=f"{name}_project")


def additive_block(x, *, drop_rate, name):
    """Integration subnet, token mixer and perceptron, each with a residual."""
    x = integration_subnet(x, name=f"{name}_integration")
    y = batch_norm(x, name=f"{name}_catm_norm")
    y = additive_token_mixer(y, name=f"{name}_catm")
    y = stochastic_depth(y, drop_rate, name=f"{name}_catm_drop")
    x = layers.Add(name=f"{name}_catm_add")([x, y])
    y = batch_norm(x, name=f"{name}_mlp_norm")
    y = multi_layer_perceptron(y, name=f"{name}_mlp")
    y = stochastic_depth(y, drop_rate, name=f"{name}_mlp_drop")
    return layers.Add(name=f"{name}_mlp_add")([x, y])


def averaged_classifier(x, classes, activation):
    """The mean of two heads on `(batch, C)`; float32 also under mixed precision."""
    scores = [
        layers.Dense(
            classes,
            kernel_initializer=initializers.RandomNormal(stddev=0.02),
            dtype="float32",
            name=name,
        )(x)
        for name in ("classifier", "classifier_distillation")
    ]
    x = layers.Average(dtype="float32", name="classifier_average")(scores)
    return layers.Activation(activation, dtype="float32", name="classifier_activation")(x)


def _constructor(preset):
    stages = CONFIGURATIONS[preset]

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
        """CAS-ViT as a Keras functional model.

        Args:
            include_top: with the classifier. Without it the output is the last norm's map
                `(batch, H / 32, W / 32, channels)`, or pooled; 220, 256, 384 and 512 channels for
                XS, S, M and T.
            weights: None for random initialisation, or the path of a `.weights.h5`, `.keras`,
                `.safetensors` or `.pth` file.
            input_tensor: a Keras tensor to build on instead of a new input.
            input_shape: `(height, width, 3)`, static, each side 32 or more; default
                `(224, 224, 3)`.
            pooling: `"avg"`, `"max"` or None; only with `include_top=False`.
            classes: number of outputs of the classifier.
            classifier_activation: `"softmax"`, or None for logits.
            name: the model's name; default `cas_vit_xs` and alike.

        The input is RGB prepared by `keras_mobilevit.preprocess`, `float32`, channels last.

        Raises:
            ValueError: for arguments that do not fit each other, naming the argument.
        """
        check_arguments(include_top=include_top, weights=weights, pooling=pooling, classes=classes)
        inputs, x = model_input(
            input_tensor,
            input_shape,
            default_size=224,
            contract_of=partial(ModelContract, "CASViT", preset, preprocessing=PREPROCESSING),
            weights=weights,
        )
        x = stem(x, stages[0].channels)
        blocks = sum(stage.depth for stage in stages)
        drop_rates = stochastic_depth_rates(STOCHASTIC_DEPTH, blocks)
        for index, stage in enumerate(stages, start=1):
            if index > 1:
                x = _conv(
                    x,
                    stage.channels,
                    3,
                    stride=2,
                    use_bias=True,
                    name=f"stage{index}_embedding_conv",
                )
                x = batch_norm(x, name=f"stage{index}_embedding_norm")
            for block in range(1, stage.depth + 1):
                x = additive_block(
                    x,
                    drop_rate=next(drop_rates),
                    name=f"stage{index}_block{block}",
                )
        x = batch_norm(x, name="head_norm")
        if include_top:
            x = layers.GlobalAveragePooling2D(data_format="channels_last", name="head_pool")(x)
            x = averaged_classifier(x, classes, classifier_activation)
        else:
            x = pooled(x, pooling)
        return build_model(inputs, x, name=name or preset, weights=weights)

    construct.__name__ = construct.__qualname__ = f"CASViT{preset.rpartition('_')[2].upper()}"
    return construct


CASViTXS = _constructor("cas_vit_xs")
CASViTS = _constructor("cas_vit_s")
CASViTM = _constructor("cas_vit_m")
CASViTT = _constructor("cas_vit_t")

_register = partial(register, family="CASViT", paper=PAPER, input_size=224)
_register("cas_vit_xs", CASViTXS, parameters=3_200_700, macs=547_004_968)
_register("cas_vit_s", CASViTS, parameters=5_764_224, macs=912_248_576)
_register("cas_vit_m", CASViTM, parameters=12_421_520, macs=1_859_483_520)
_register("cas_vit_t", CASViTT, parameters=21_763_120, macs=3_557_427_712)
