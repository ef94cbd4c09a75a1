"""Names of timm's GhostNet modules for the names of our layers.

A map yields `(our layer, their module)`; what each kind of layer takes from a module, and how its
arrays are turned, is in `convert.py`.
"""

from keras_mobilevit.models import ghostnet

# timm groups GhostNet's bottlenecks by row of its table, we by input size; both in the same order.
_GHOSTNET_GROUPS = (1, 1, 1, 1, 1, 1, 5, 1, 4)


def ghostnet_names(preset):
    """Pairs (our layer, their module) of GhostNet; the same at every width."""
    yield "stem_conv", "conv_stem"
    yield "stem_norm", "bn1"
    ours = (
        f"stage{stage}_block{block}"
        for stage, rows in enumerate(ghostnet.STAGES, start=1)
        for block in range(1, len(rows) + 1)
    )
    theirs = (
        f"blocks.{group}.{index}"
        for group, size in enumerate(_GHOSTNET_GROUPS)
        for index in range(size)
    )
    for block, source in zip(ours, theirs, strict=True):
        yield from _ghost_module(f"{block}_expand", f"{source}.ghost1")
        yield from _conv_norm(f"{block}_depthwise", f"{source}.conv_dw", f"{source}.bn_dw")
        yield f"{block}_se_reduce", f"{source}.se.conv_reduce"
        yield f"{block}_se_expand", f"{source}.se.conv_expand"
        yield from _ghost_module(f"{block}_project", f"{source}.ghost2")
        shortcut = f"{source}.shortcut"
        yield from _conv_norm(f"{block}_shortcut_depthwise", f"{shortcut}.0", f"{shortcut}.1")
        yield from _conv_norm(f"{block}_shortcut_pointwise", f"{shortcut}.2", f"{shortcut}.3")
    head = f"blocks.{len(_GHOSTNET_GROUPS)}.0"
    yield from _conv_norm("head", f"{head}.conv", f"{head}.bn1")
    yield "head_expand", "conv_head"
    yield "classifier", "classifier"


def _ghost_module(ours, theirs):
    for part, source in (("primary", "primary_conv"), ("cheap", "cheap_operation")):
        yield from _conv_norm(f"{ours}_{part}", f"{theirs}.{source}.0", f"{theirs}.{source}.1")


def _conv_norm(ours, conv, norm):
    yield f"{ours}_conv", conv
    yield f"{ours}_norm", norm
