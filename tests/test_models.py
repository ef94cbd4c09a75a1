"""Every registered model through the same cases."""

import json
import zlib

import keras
import numpy as np
import pytest
from conftest import DATA, every_family, every_model

import keras_mobilevit
from keras_mobilevit.models import create_model, list_models, model_entry

SMALL = (64, 128, 3)  # non-square, and 1/32 of it is 2 x 4


def photos(shape=SMALL, batch=2):
    return np.random.default_rng(0).normal(0, 1, (batch, *shape)).astype(np.float32)


@every_model
def test_counts_are_those_of_the_registry(name):
    entry = model_entry(name)
    model = create_model(name)
    assert model.input_shape == (None, entry.input_size, entry.input_size, 3)
    counted = keras_mobilevit.cost(model)
    assert (counted.parameters, counted.macs) == (entry.parameters, entry.macs)


@every_model
def test_layer_names_stay(name):
    # They are keys of saved weights, of features and of quantization scopes: a change breaks users.
    names = " ".join(layer.name for layer in create_model(name, input_shape=SMALL).layers)
    expected = json.loads((DATA / "layer_names.json").read_text())
    assert zlib.crc32(names.encode()) == expected[name]


@every_family
def test_forward_gives_probabilities_and_logits(name):
    probabilities = create_model(name, input_shape=SMALL, classes=7)
    logits = create_model(name, input_shape=SMALL, classes=7, classifier_activation=None)
    logits.set_weights(probabilities.get_weights())
    scores = probabilities(photos()).numpy()
    assert scores.shape == (2, 7)
    np.testing.assert_allclose(scores.sum(-1), 1, rtol=1e-5)
    np.testing.assert_allclose(keras.ops.softmax(logits(photos())), scores, rtol=1e-4)


@every_family
@pytest.mark.parametrize("pooling", [None, "avg", "max"])
def test_features_without_the_top(name, pooling):
    model = create_model(name, input_shape=SMALL, include_top=False, pooling=pooling)
    features = model(photos()).numpy()
    assert features.shape == (2, *model.output_shape[1:])
    if pooling is None:
        assert features.shape[1:3] == (2, 4)
    else:
        unpooled = create_model(name, input_shape=SMALL, include_top=False)
        unpooled.set_weights(model.get_weights())
        reduce = {"avg": np.mean, "max": np.max}[pooling]
        np.testing.assert_allclose(features, reduce(unpooled(photos()), (1, 2)), rtol=1e-4)


@every_family
def test_save_and_load(name, tmp_path):
    model = create_model(name, input_shape=SMALL, classes=3)
    expected = model(photos())
    model.save(tmp_path / "model.keras")
    model.save_weights(tmp_path / "model.weights.h5")
    loaded = keras.models.load_model(tmp_path / "model.keras")
    np.testing.assert_array_equal(loaded(photos()), expected)
    for file in ("model.keras", "model.weights.h5"):
        again = create_model(name, input_shape=SMALL, classes=3, weights=tmp_path / file)
        np.testing.assert_array_equal(again(photos()), expected)


@every_family
def test_builds_on_an_input_tensor(name):
    image = keras.Input(SMALL)
    brightened = keras.layers.Rescaling(1.5)(image)
    model = create_model(name, input_tensor=brightened, classes=3)
    plain = create_model(name, input_shape=SMALL, classes=3)
    plain.set_weights(model.get_weights())
    np.testing.assert_allclose(model(photos()), plain(1.5 * photos()), rtol=1e-4, atol=1e-6)


@every_family
def test_a_step_of_training_lowers_the_loss(name):
    model = create_model(name, input_shape=(96, 64, 3), classes=2)
    model.compile(keras.optimizers.SGD(0.01), "sparse_categorical_crossentropy")
    images, labels = photos((96, 64, 3), 8), np.arange(8) % 2
    history = model.fit(images, labels, batch_size=8, epochs=6, verbose=0).history["loss"]
    assert np.isfinite(history).all()
    assert min(history[1:]) < history[0]


@every_family
@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        ({"weights": "imagenet21k"}, "weights"),
        ({"weights": "nowhere.weights.h5"}, "weights"),
        ({"pooling": "mean", "include_top": False}, "pooling"),
        ({"pooling": "avg"}, "pooling"),
        ({"classes": 0}, "classes"),
        ({"classes": 2.0}, "classes"),
        ({"input_shape": (3, 64, 64)}, "input_shape"),
        ({"input_shape": (64, 64)}, "input_shape"),
        ({"input_shape": (None, None, 3)}, "input_shape"),
        ({"input_shape": (16, 64, 3)}, "input_shape"),
        ({"input_tensor": np.zeros((1, 64, 64, 3))}, "input_tensor"),
        ({"input_tensor": keras.KerasTensor((None, 64, 64, 3)), "input_shape": SMALL}, "input_"),
    ],
)
def test_wrong_arguments_are_named(name, arguments, named):
    with pytest.raises(ValueError, match=named):
        create_model(name, **arguments)


def test_weights_of_another_model_are_refused(tmp_path):
    create_model("mocovit_050", input_shape=SMALL, classes=3).save_weights(
        tmp_path / "a.weights.h5"
    )
    with pytest.raises(ValueError, match="do not fit mocovit_100"):
        create_model("mocovit_100", input_shape=SMALL, classes=3, weights=tmp_path / "a.weights.h5")


def test_unknown_name_lists_what_there_is():
    with pytest.raises(ValueError, match="mocovit_100"):
        create_model("mocovit_99")


def test_list_models_takes_a_pattern():
    assert list_models("ghostnet*") == [n for n in list_models() if n.startswith("ghostnet")]
    assert list_models("resnet*") == []
