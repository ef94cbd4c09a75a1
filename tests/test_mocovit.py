"""What MoCoViT's paper compares."""

import keras
import pytest

from keras_mobilevit import MoCoViT, cost
from keras_mobilevit.ablation import mocovit_ablation


@pytest.mark.parametrize(
    ("width", "parameters", "macs", "with_matmuls"),
    [(1.0, 6.227, 147.65, 150.73), (0.5, 2.853, 44.10, 45.63)],
)
def test_counts_of_the_paper_to_the_last_published_digit(width, parameters, macs, with_matmuls):
    counted = cost(MoCoViT(width))
    assert round(counted.parameters / 1e6, 3) == parameters
    assert round(counted.macs / 1e6, 2) == macs
    assert round((counted.macs + counted.matmul_macs) / 1e6, 2) == with_matmuls


def test_vanilla_self_attention_counts_as_by_hand():
    rows = {(row.variant, row.size): row.cost for row in mocovit_ablation() if row.size < 224}
    tokens, channels, hidden = 7 * 7, 160, 960
    attention, mlp = rows["mhsa", 7], rows["mlp", 7]
    assert attention.macs == 4 * tokens * channels**2
    assert attention.matmul_macs == 2 * tokens**2 * channels
    assert mlp.macs == 2 * tokens * channels * hidden
    assert rows["mosa", 7].macs < attention.macs / 3
    assert rows["moffn", 7].macs < mlp.macs


@pytest.mark.parametrize("attention", ["mosa", "mhsa"])
@pytest.mark.parametrize("ffn", ["moffn", "mlp"])
def test_every_combination_builds(attention, ffn):
    model = MoCoViT(
        0.5, input_shape=(32, 64, 3), attention=attention, ffn=ffn, transformer_stages=(1, 2, 3, 4)
    )
    assert model(keras.ops.ones((1, 32, 64, 3))).shape == (1, 1000)
    blocks = [name for name in (layer.name for layer in model.layers) if "softmax" in name]
    assert len(blocks) == 1 + 1 + 4 + 4  # bottlenecks that keep the shape, by stage


@pytest.mark.parametrize(
    "arguments", [{"attention": "linear"}, {"ffn": "glu"}, {"transformer_stages": (5,)}]
)
def test_wrong_parts_are_named(arguments):
    with pytest.raises(ValueError, match=next(iter(arguments))):
        MoCoViT(**arguments)
