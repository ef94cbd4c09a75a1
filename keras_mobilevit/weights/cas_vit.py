"""Names of the authors' CAS-ViT modules (their repository calls the model RCViT) for the names of our
layers.
"""

from keras_mobilevit.models import cas_vit

# Inside a block: our layer and their module.
_BLOCK = (
    ("integration_pointwise", "local_perception.network.0"),
    ("integration_norm", "local_perception.network.1"),
    ("integration_depthwise", "local_perception.network.2"),
    ("integration_project", "local_perception.network.4"),
    ("catm_norm", "norm1"),
    ("catm_query", "attn.qkv"),
    ("catm_key", "attn.qkv"),
    ("catm_value", "attn.qkv"),
    ("catm_query_spatial_depthwise", "attn.oper_q.0.block.0"),
    ("catm_query_spatial_norm", "attn.oper_q.0.block.1"),
    ("catm_query_spatial_gate", "attn.oper_q.0.block.3"),
    ("catm_query_channel_gate", "attn.oper_q.1.block.1"),
    ("catm_key_spatial_depthwise", "attn.oper_k.0.block.0"),
    ("catm_key_spatial_norm", "attn.oper_k.0.block.1"),
    ("catm_key_spatial_gate", "attn.oper_k.0.block.3"),
    ("catm_key_channel_gate", "attn.oper_k.1.block.1"),
    ("catm_context", "attn.dwc"),
    ("catm_project", "attn.proj"),
    ("mlp_norm", "norm2"),
    ("mlp_expand", "mlp.fc1"),
    ("mlp_project", "mlp.fc2"),
)


def cas_vit_names(preset):
    """Pairs (our layer, their module) of CAS-ViT; `preset` is `"cas_vit_xs"` and alike."""
    yield "stem_conv1", "patch_embed.0"
    yield "stem_norm1", "patch_embed.1"
    yield "stem_conv2", "patch_embed.3"
    yield "stem_norm2", "patch_embed.4"
    # Their network is a list of stages with the embeddings between them.
    for index, stage in enumerate(cas_vit.CONFIGURATIONS[preset]):
        ours, theirs = f"stage{index + 1}", 2 * index
        yield f"{ours}_embedding_conv", f"network.{theirs - 1}.proj"
        yield f"{ours}_embedding_norm", f"network.{theirs - 1}.norm"
        for block in range(stage.depth):
            for layer, module in _BLOCK:
                yield f"{ours}_block{block + 1}_{layer}", f"network.{theirs}.{block}.{module}"
    yield "head_norm", "norm"
    yield "classifier", "head"
    yield "classifier_distillation", "dist_head"
