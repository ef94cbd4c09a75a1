"""Names of the authors' EMO modules for the names of our layers."""

from keras_mobilevit.models import emo


def emo_names(preset):
    """Pairs (our layer, their module) of EMO; `preset` is `"emo_1m"` and alike."""
    yield "stem_conv", "stage0.0.convs.0.0"
    yield "stem_norm", "stage0.0.convs.0.1"
    yield "stem_local_conv", "stage0.1.conv_local.conv"
    yield "stem_local_norm", "stage0.1.conv_local.norm"
    yield "stem_se_reduce", "stage0.1.se.conv_reduce"
    yield "stem_se_expand", "stage0.1.se.conv_expand"
    yield "stem_project", "stage0.1.proj.conv"
    for index, stage in enumerate(emo.CONFIGURATIONS[preset].stages, start=1):
        for block in range(stage.depth):
            ours, theirs = f"stage{index}_block{block + 1}", f"stage{index}.{block}"
            # Their LayerNorm for maps wraps another.
            norm = f"{theirs}.norm.norm" if stage.head_channels else f"{theirs}.norm"
            yield f"{ours}_norm", norm
            yield f"{ours}_attention_query", f"{theirs}.qk.conv"
            yield f"{ours}_attention_key", f"{theirs}.qk.conv"
            yield f"{ours}_value", f"{theirs}.v.conv"
            yield f"{ours}_local_conv", f"{theirs}.conv_local.conv"
            yield f"{ours}_local_norm", f"{theirs}.conv_local.norm"
            yield f"{ours}_project", f"{theirs}.proj.conv"
    yield "head_norm", "norm.norm"
    yield "classifier", "head"
