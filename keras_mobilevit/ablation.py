"""What MoCoViT's parts save: the comparisons of the paper's ablation, counted."""

import itertools
from dataclasses import dataclass

import keras

from keras_mobilevit.counting import Cost, cost
from keras_mobilevit.models import create_model
from keras_mobilevit.models.mocovit import ATTENTIONS, FEED_FORWARDS, STAGES

MAP_SIZES = (7, 14, 28, 56)  # of the feature map at stages 4 to 1 with a 224 input


@dataclass(frozen=True)
class AblationRow:
    """One counted variant: a module on a square map of `size`, or a model at input `size`."""

    part: str
    variant: str
    size: int
    cost: Cost


def mocovit_ablation(name="mocovit_100"):
    """Count MoSA against vanilla self-attention, MoFFN against an MLP, and every placement.

    The modules have the channels of the model's last stage; the placements are whole models with
    transformer blocks in the stages from one on to the fourth.
    """
    if not name.startswith("mocovit_"):
        raise ValueError(
            f"name={name!r}: the ablation is MoCoViT's, use mocovit_050 or mocovit_100"
        )
    width_multiplier = int(name.removeprefix("mocovit_")) / 100
    row = STAGES[-1][-1].widened(width_multiplier)
    channels, hidden_channels = row["channels"], row["hidden_channels"]
    rows = []
    for size, (variant, module) in itertools.product(MAP_SIZES, ATTENTIONS.items()):
        inputs = keras.Input((size, size, channels))
        model = keras.Model(inputs, module(inputs, name=variant))
        rows.append(AblationRow("attention", variant, size, cost(model)))
    for size, (variant, module) in itertools.product(MAP_SIZES, FEED_FORWARDS.items()):
        inputs = keras.Input((size, size, channels))
        model = keras.Model(inputs, module(inputs, hidden_channels, name=variant))
        rows.append(AblationRow("feed-forward", variant, size, cost(model)))
    for first in (4, 3, 2, 1):
        stages = tuple(range(first, 5))
        model = create_model(name, transformer_stages=stages)
        variant = "stages " + " ".join(map(str, stages))
        rows.append(AblationRow("placement", variant, model.input_shape[1], cost(model)))
    return rows
