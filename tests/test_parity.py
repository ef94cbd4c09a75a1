"""Outputs of the PyTorch originals, on weights that numpy regenerates (`data/weight_rule.py`)."""

import json
import sys

import numpy as np
import pytest
from conftest import DATA

from keras_mobilevit.counting import cost
from keras_mobilevit.models import create_model
from keras_mobilevit.weights.convert import load_state_dict
from keras_mobilevit.weights.timm import ghostnet_names

sys.path.insert(0, str(DATA))
import weight_rule

# What float32 noise of two implementations reaches; a wrong epsilon or padding is far above it.
RELATIVE_TOLERANCE = 5e-5
NOISE_FACTOR = 5

CASES = [
    (name, resolution)
    for name in ("ghostnet_050", "ghostnet_100")
    for resolution in ((224, 224), (192, 256))
]


def reference(name):
    facts = json.loads((DATA / f"{name}.json").read_text())
    weights = weight_rule.make_all(facts["state_dict"], facts["gain"])
    return facts, weights


@pytest.mark.parametrize(("name", "resolution"), CASES)
def test_logits_equal_the_original(name, resolution):
    facts, weights = reference(name)
    height, width = resolution
    model = create_model(name, input_shape=(height, width, 3), classifier_activation=None)
    load_state_dict(model, weights, ghostnet_names())
    image = weight_rule.make_input(height, width).transpose(0, 2, 3, 1)
    logits = np.asarray(model(image, training=False))
    key = f"{height}x{width}"
    with np.load(DATA / f"{name}.npz") as arrays:
        expected = arrays[f"{key}/out/logits"]
    noise = facts["results"][key]["outputs"]["logits"]["f32_vs_f64_maxabs"]
    bound = max(RELATIVE_TOLERANCE * expected.std(), NOISE_FACTOR * noise)
    assert np.abs(logits - expected).max() <= bound
    assert cost(model).parameters == facts["params"]


def test_checkpoint_must_fit_both_ways():
    _, weights = reference("ghostnet_050")
    model = create_model("ghostnet_050", input_shape=(32, 32, 3))
    before = model.get_weights()
    stem = weights.pop("conv_stem.weight")
    weights["conv_stem.extra"] = stem
    weights["bn1.weight"] = weights["bn1.weight"][:-1]
    with pytest.raises(ValueError, match=r"unused: conv_stem\.extra") as error:
        load_state_dict(model, weights, ghostnet_names())
    assert "missing: stem_conv.kernel (conv_stem.weight)" in str(error.value)
    assert "shape differs: bn1.weight" in str(error.value)
    for ours, untouched in zip(model.get_weights(), before, strict=True):
        np.testing.assert_array_equal(ours, untouched)
