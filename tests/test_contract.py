import keras
import numpy as np
import pytest

from keras_mobilevit import GhostNet, MoCoViT, ModelContract, Preprocessing, preprocess
from keras_mobilevit.contract import FileContract
from keras_mobilevit.layers.input_contract import InputContract, model_contract


def test_contract_survives_saving_cloning_and_a_new_head(tmp_path):
    base = MoCoViT(0.5, include_top=False, pooling="avg", input_shape=(32, 32, 3))
    expected = ModelContract("MoCoViT", "mocovit_050")
    head = keras.layers.Dense(2)
    stacked = keras.Model(base.input, head(base.output))
    image = keras.Input((32, 32, 3))
    nested = keras.Model(image, head(base(image)))
    nested.save(tmp_path / "nested.keras")
    loaded = keras.models.load_model(tmp_path / "nested.keras")
    for model in (base, keras.models.clone_model(base), stacked, nested, loaded):
        assert model_contract(model) == expected


def test_weights_file_is_named_in_the_contract(tmp_path):
    GhostNet(0.5, classes=2, input_shape=(32, 32, 3)).save_weights(tmp_path / "my.weights.h5")
    model = GhostNet(0.5, classes=2, input_shape=(32, 32, 3), weights=tmp_path / "my.weights.h5")
    assert model_contract(model).weights == "my.weights.h5"


def test_layer_changes_nothing():
    contract = ModelContract("A", "a", preprocessing=Preprocessing(mean=(0.1, 0.2, 0.3)))
    layer = InputContract(contract)
    x = np.random.default_rng(0).normal(size=(1, 2, 2, 3)).astype(np.float32)
    np.testing.assert_array_equal(layer(x), x)
    assert InputContract.from_config(layer.get_config()).contract == contract


def test_model_without_contract_is_refused():
    model = keras.Sequential([keras.Input((32, 32, 3)), keras.layers.Flatten()])
    with pytest.raises(ValueError, match="no input contract"):
        preprocess(np.zeros((8, 8, 3), np.uint8), model)


@pytest.mark.parametrize(
    "arguments",
    [
        {"mean": (0.5, 0.5)},
        {"std": (0.5, 0, 0.5)},
        {"crop_fraction": 0},
        {"crop_fraction": 1.5},
        {"interpolation": "nearest"},
        {"channel_order": "rgba"},
    ],
)
def test_wrong_rules_are_named(arguments):
    with pytest.raises(ValueError, match=next(iter(arguments))):
        Preprocessing(**arguments)


def test_contract_of_a_newer_release_is_refused():
    text = FileContract(
        "A", "a", "random", 32, 32, 1.0, "bilinear", "logits", 2, None, "float32"
    ).to_json()
    assert FileContract.from_json(text).family == "A"
    with pytest.raises(ValueError, match="export it again"):
        FileContract.from_json(text.replace('"version": 1', '"version": 2'))
