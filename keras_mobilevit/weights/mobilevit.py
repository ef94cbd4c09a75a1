"""Names of MobileViT's and MobileViTv2's modules in Apple's ml-cvnets, in timm and in Hugging Face's
transformers, for the names of our layers.

The three are one architecture each, so one walk over it serves all, with a vocabulary per source.
"""

from dataclasses import dataclass, replace

from keras_mobilevit.models import mobilevit, mobilevitv2


@dataclass(frozen=True)
class Vocabulary:
    """What a source calls the modules; `conv` and `norm` are the two halves of a conv-norm module.

    `{stage}` counts from 1, `{stage0}` from 0; `{block}` of the inverted residuals and
    `{transformer}` from 0; `{after}` is the place behind a stage's inverted residuals, and `{end}`
    that behind a block's transformers.
    """

    conv: str
    norm: str
    stem: str
    residual: str
    downsampling: str  # the inverted residual before a MobileViT block
    expand: str
    depthwise: str
    project: str
    block: str  # the MobileViT block
    local: str
    local_project: str
    transformer: str
    attention_norm: str
    query: str
    key: str
    value: str
    attention_project: str
    ffn_norm: str
    ffn_expand: str
    ffn_project: str
    block_norm: str
    block_project: str
    fusion: str
    head: str
    classifier: str


TIMM = Vocabulary(
    conv="conv",
    norm="bn",
    stem="stem",
    residual="stages.{stage0}.{block}",
    downsampling="stages.{stage0}.{block}",
    expand="conv1_1x1",
    depthwise="conv2_kxk",
    project="conv3_1x1",
    block="stages.{stage0}.{after}",
    local="conv_kxk",
    local_project="conv_1x1",
    transformer="transformer.{transformer}",
    attention_norm="norm1",
    query="attn.qkv",
    key="attn.qkv",
    value="attn.qkv",
    attention_project="attn.proj",
    ffn_norm="norm2",
    ffn_expand="mlp.fc1",
    ffn_project="mlp.fc2",
    block_norm="norm",
    block_project="conv_proj",
    fusion="conv_fusion",
    head="final_conv",
    classifier="head.fc",
)
CVNETS = Vocabulary(
    conv="block.conv",
    norm="block.norm",
    stem="conv_1",
    residual="layer_{stage}.{block}.block",
    downsampling="layer_{stage}.{block}.block",
    expand="exp_1x1",
    depthwise="conv_3x3",
    project="red_1x1",
    block="layer_{stage}.{after}",
    local="local_rep.conv_3x3",
    local_project="local_rep.conv_1x1.block.conv",
    transformer="global_rep.{transformer}",
    attention_norm="pre_norm_mha.0",
    query="pre_norm_mha.1.qkv_proj",
    key="pre_norm_mha.1.qkv_proj",
    value="pre_norm_mha.1.qkv_proj",
    attention_project="pre_norm_mha.1.out_proj",
    ffn_norm="pre_norm_ffn.0",
    ffn_expand="pre_norm_ffn.1",
    ffn_project="pre_norm_ffn.4",
    block_norm="global_rep.{end}",
    block_project="conv_proj",
    fusion="fusion",
    head="conv_1x1_exp",
    classifier="classifier.fc",
)
HUGGING_FACE = Vocabulary(
    conv="convolution",
    norm="normalization",
    stem="mobilevit.conv_stem",
    residual="mobilevit.encoder.layer.{stage0}.layer.{block}",
    downsampling="mobilevit.encoder.layer.{stage0}.downsampling_layer",
    expand="expand_1x1",
    depthwise="conv_3x3",
    project="reduce_1x1",
    block="mobilevit.encoder.layer.{stage0}",
    local="conv_kxk",
    local_project="conv_1x1.convolution",
    transformer="transformer.layer.{transformer}",
    attention_norm="layernorm_before",
    query="attention.attention.query",
    key="attention.attention.key",
    value="attention.attention.value",
    attention_project="attention.output.dense",
    ffn_norm="layernorm_after",
    ffn_expand="intermediate.dense",
    ffn_project="output.dense",
    block_norm="layernorm",
    block_project="conv_projection",
    fusion="fusion",
    head="mobilevit.conv_1x1_exp",
    classifier="classifier",
)
TIMM_V2 = replace(
    TIMM,
    query="attn.qkv_proj",
    key="attn.qkv_proj",
    value="attn.qkv_proj",
    attention_project="attn.out_proj",
)
CVNETS_V2 = replace(
    CVNETS,
    local="local_rep.0",
    local_project="local_rep.1.block.conv",
    attention_norm="pre_norm_attn.0",
    query="pre_norm_attn.1.qkv_proj.block.conv",
    key="pre_norm_attn.1.qkv_proj.block.conv",
    value="pre_norm_attn.1.qkv_proj.block.conv",
    attention_project="pre_norm_attn.1.out_proj.block.conv",
    ffn_expand="pre_norm_ffn.1.block.conv",
    ffn_project="pre_norm_ffn.3.block.conv",
    classifier="classifier.1",
)
HUGGING_FACE_V2 = replace(
    HUGGING_FACE,
    stem="mobilevitv2.conv_stem",
    residual="mobilevitv2.encoder.layer.{stage0}.layer.{block}",
    downsampling="mobilevitv2.encoder.layer.{stage0}.downsampling_layer",
    block="mobilevitv2.encoder.layer.{stage0}",
    query="attention.qkv_proj.convolution",
    key="attention.qkv_proj.convolution",
    value="attention.qkv_proj.convolution",
    attention_project="attention.out_proj.convolution",
    ffn_expand="ffn.conv1.convolution",
    ffn_project="ffn.conv2.convolution",
)


def mobilevit_names(vocabulary, preset):
    """Pairs (our layer, their module) of MobileViT; `preset` is `"mobilevit_s"` and alike."""
    stages = mobilevit.CONFIGURATIONS[preset].stages
    return _names(vocabulary, stages, block_name="mobilevit")


def mobilevitv2_names(vocabulary, preset):
    """Pairs (our layer, their module) of MobileViTv2; the same at every width."""
    return _names(vocabulary, mobilevitv2.STAGES, block_name="mobilevitv2")


def _names(words, stages, *, block_name):
    def conv_norm(ours, theirs):
        yield f"{ours}_conv", f"{theirs}.{words.conv}"
        yield f"{ours}_norm", f"{theirs}.{words.norm}"

    yield from conv_norm("stem", words.stem)
    for stage0, row in enumerate(stages):
        stage = stage0 + 1
        template = words.downsampling if row.transformer_depth else words.residual
        for block in range(row.depth):
            ours = f"stage{stage}_block{block + 1}"
            theirs = template.format(stage=stage, stage0=stage0, block=block)
            for part in ("expand", "depthwise", "project"):
                yield from conv_norm(f"{ours}_{part}", f"{theirs}.{getattr(words, part)}")
        if not row.transformer_depth:
            continue
        ours = f"stage{stage}_{block_name}"
        theirs = words.block.format(stage=stage, stage0=stage0, after=row.depth)
        yield from conv_norm(f"{ours}_local", f"{theirs}.{words.local}")
        yield f"{ours}_local_project", f"{theirs}.{words.local_project}"
        for index in range(row.transformer_depth):
            our_layer = f"{ours}_transformer{index + 1}"
            their_layer = f"{theirs}.{words.transformer.format(transformer=index)}"
            yield f"{our_layer}_attention_norm", f"{their_layer}.{words.attention_norm}"
            for part in ("query", "key", "value"):
                yield f"{our_layer}_attention_{part}", f"{their_layer}.{getattr(words, part)}"
            yield f"{our_layer}_attention_project", f"{their_layer}.{words.attention_project}"
            for part in ("ffn_norm", "ffn_expand", "ffn_project"):
                yield f"{our_layer}_{part}", f"{their_layer}.{getattr(words, part)}"
        yield f"{ours}_norm", f"{theirs}.{words.block_norm.format(end=row.transformer_depth)}"
        yield from conv_norm(f"{ours}_project", f"{theirs}.{words.block_project}")
        yield from conv_norm(f"{ours}_fusion", f"{theirs}.{words.fusion}")
    yield from conv_norm("head", words.head)
    yield "classifier", words.classifier
