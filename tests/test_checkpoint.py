import logging
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import save_file
from test_parity import weights_of

from keras_mobilevit import load_checkpoint
from keras_mobilevit.layers.input_contract import model_contract
from keras_mobilevit.models import create_model

TINY = {"input_shape": (32, 32, 3)}


def test_every_array_and_every_weight_must_fit():
    weights = weights_of("ghostnet_050")
    model = create_model("ghostnet_050", **TINY)
    before = model.get_weights()
    weights["blocks.0.0.extra"] = weights.pop("blocks.0.0.ghost1.primary_conv.0.weight")
    weights["bn1.weight"] = weights["bn1.weight"][:-1]
    with pytest.raises(ValueError, match=r"unused: blocks\.0\.0\.extra") as error:
        load_checkpoint(model, weights)
    assert "missing: stage1_block1_expand_primary_conv.kernel" in str(error.value)
    assert "shape differs: bn1.weight (7,) for stem_norm.gamma (8,)" in str(error.value)
    for ours, untouched in zip(model.get_weights(), before, strict=True):
        np.testing.assert_array_equal(ours, untouched)


def test_fused_projection_must_have_the_rows_of_all_three():
    weights = weights_of("mobilevit_xxs")
    name = "stages.2.1.transformer.0.attn.qkv.weight"
    weights[name] = np.concatenate([weights[name], weights[name]])
    with pytest.raises(ValueError, match="the model has 192 outputs"):
        load_checkpoint(create_model("mobilevit_xxs", **TINY), weights)


@pytest.mark.parametrize("name", ["mobilevit_xxs", "ghostnet_050"])
def test_other_classes_keep_their_classifier(name, caplog):
    weights = weights_of(name)
    model = create_model(name, classes=7, **TINY)
    before = model.get_layer("classifier").get_weights()
    with caplog.at_level(logging.WARNING):
        load_checkpoint(model, weights)
    assert "classifier not loaded" in caplog.text
    for ours, untouched in zip(model.get_layer("classifier").get_weights(), before, strict=True):
        np.testing.assert_array_equal(ours, untouched)
    whole = create_model(name, **TINY)
    load_checkpoint(whole, weights)
    np.testing.assert_array_equal(
        model.get_layer("stem_conv").kernel, whole.get_layer("stem_conv").kernel
    )


@pytest.mark.parametrize("name", ["mobilevit_xxs", "ghostnet_050", "cas_vit_xs"])
def test_body_alone_takes_a_whole_checkpoint(name, caplog):
    reference = {"cas_vit_xs": "rcvit_xs"}.get(name, name)
    load_checkpoint(create_model(name, include_top=False, **TINY), weights_of(reference))
    assert not caplog.records


def test_single_head_of_cas_vit_stands_for_both():
    weights = weights_of("rcvit_xs")
    alone = {name: array for name, array in weights.items() if not name.startswith("dist_head")}
    model = create_model("cas_vit_xs", **TINY)
    load_checkpoint(model, alone)
    first, second = model.get_layer("classifier"), model.get_layer("classifier_distillation")
    np.testing.assert_array_equal(first.kernel, weights["head.weight"].T)
    np.testing.assert_array_equal(first.kernel, second.kernel)


def test_contract_follows_the_source():
    model = create_model("mobilevit_xxs", **TINY)
    load_checkpoint(model, weights_of("mobilevit_xxs"))
    assert model_contract(model).preprocessing.channel_order == "rgb"
    load_checkpoint(model, weights_of("hf_mobilevit_xxs"))
    assert model_contract(model).preprocessing.channel_order == "bgr"
    assert model_contract(model).weights == "checkpoint"


def test_safetensors_file(tmp_path):
    weights = weights_of("ghostnet_050")
    save_file(weights, tmp_path / "a.safetensors")
    by_file, by_dict = create_model("ghostnet_050", **TINY), create_model("ghostnet_050", **TINY)
    assert load_checkpoint(by_file, tmp_path / "a.safetensors") == "timm"
    load_checkpoint(by_dict, weights)
    for ours, expected in zip(by_file.get_weights(), by_dict.get_weights(), strict=True):
        np.testing.assert_array_equal(ours, expected)
    assert model_contract(by_file).weights == "a.safetensors"


def test_authors_file_loads_without_torch():
    path = Path(__file__).parents[2] / "shared/reference/checkpoints/emo_1m.pth"
    if not path.exists():
        pytest.skip("the authors' file layout, 5 MB, is kept beside the project")
    by_file, by_rule = create_model("emo_1m", **TINY), create_model("emo_1m", **TINY)
    assert load_checkpoint(by_file, path) == "official"
    load_checkpoint(by_rule, weights_of("EMO_1M"))
    for ours, expected in zip(by_file.get_weights(), by_rule.get_weights(), strict=True):
        np.testing.assert_array_equal(ours, expected)


def test_wrong_sources_are_named(tmp_path):
    model = create_model("ghostnet_050", **TINY)
    with pytest.raises(ValueError, match="source='hf'"):
        load_checkpoint(model, weights_of("ghostnet_050"), source="hf")
    with pytest.raises(ValueError, match="no known source of GhostNet"):
        load_checkpoint(model, {"features.0.weight": np.zeros(3)})
    with pytest.raises(ValueError, match="MoCoViT"):
        load_checkpoint(create_model("mocovit_050", **TINY), weights_of("ghostnet_050"))
    (tmp_path / "text.safetensors").write_text("hello")
    with pytest.raises(ValueError, match="not a safetensors file"):
        load_checkpoint(model, tmp_path / "text.safetensors")
    with pytest.raises(FileNotFoundError):
        load_checkpoint(model, tmp_path / "nowhere.safetensors")


def test_constructor_takes_a_checkpoint_file(tmp_path):
    save_file(weights_of("ghostnet_050"), tmp_path / "a.safetensors")
    model = create_model("ghostnet_050", weights=tmp_path / "a.safetensors", **TINY)
    expected = create_model("ghostnet_050", **TINY)
    load_checkpoint(expected, weights_of("ghostnet_050"))
    for ours, theirs in zip(model.get_weights(), expected.get_weights(), strict=True):
        np.testing.assert_array_equal(ours, theirs)
    assert model_contract(model).weights == "a.safetensors"
