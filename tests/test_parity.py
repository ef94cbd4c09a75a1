"""Outputs of the PyTorch originals, on weights that numpy regenerates (`data/weight_rule.py`)."""

import json
import sys

import numpy as np
import pytest
from conftest import DATA

from keras_mobilevit import load_checkpoint
from keras_mobilevit.counting import cost
from keras_mobilevit.models import create_model

sys.path.insert(0, str(DATA))
import weight_rule

# What float32 noise of two implementations reaches; a wrong epsilon or padding is far above it.
RELATIVE_TOLERANCE = 5e-5
NOISE_FACTOR = 5
QUICK = (
    "ghostnet_050",
    "mobilevit_xxs",
    "mobilevitv2_050",
    "EMO_1M",
    "rcvit_xs",
    "cvnets_mobilevit_xxs",
    "cvnets_mobilevitv2_050",
    "hf_mobilevit_xxs",
)
REFERENCES = {
    path.stem: json.loads(path.read_text()) for path in (DATA / "reference").glob("*.json")
}
CASES = [
    pytest.param(
        name,
        resolution,
        marks=() if name in QUICK and index != 1 else pytest.mark.slow,
        id=f"{name}-{resolution}",
    )
    for name, facts in sorted(REFERENCES.items())
    for index, resolution in enumerate(facts["results"])
]


def preset_and_source(name):
    """Our preset and the checkpoint's source of a reference file."""
    for prefix, source in (("cvnets_", "cvnets"), ("hf_", "hf")):
        if name.startswith(prefix):
            return name.removeprefix(prefix), source
    for theirs, ours in (("EMO_", "emo_"), ("rcvit_", "cas_vit_")):
        if name.startswith(theirs):
            return name.replace(theirs, ours).lower(), "official"
    return name, "timm"


def weights_of(name):
    facts = REFERENCES[name]
    return weight_rule.make_all(facts["state_dict"], facts["gain"], facts["fixed_buffers"])


@pytest.mark.parametrize(("name", "resolution"), CASES)
def test_logits_equal_the_original(name, resolution):
    facts = REFERENCES[name]
    preset, source = preset_and_source(name)
    height, width = map(int, resolution.split("x"))
    model = create_model(preset, input_shape=(height, width, 3), classifier_activation=None)
    assert load_checkpoint(model, weights_of(name)) == source
    image = weight_rule.make_input(height, width).transpose(0, 2, 3, 1)
    logits = np.asarray(model(image, training=False))
    with np.load(DATA / "reference" / f"{name}.npz") as arrays:
        expected = arrays[f"{resolution}/out/logits"]
    noise = facts["results"][resolution]["outputs"]["logits"]["f32_vs_f64_maxabs"]
    bound = max(RELATIVE_TOLERANCE * expected.std(), NOISE_FACTOR * noise)
    assert np.abs(logits - expected).max() <= bound
    counted = cost(model)
    assert counted.parameters == facts["params"]
    if list(map(int, resolution.split("x"))) == facts["native"]:
        assert counted.macs + counted.matmul_macs == facts["macs"]
