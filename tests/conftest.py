import os

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

from pathlib import Path

import keras
import numpy as np
import pytest

import keras_mobilevit
from keras_mobilevit.models import list_models, model_entry
from keras_mobilevit.tflite import export

DATA = Path(__file__).parent / "data"
PHOTOS = Path(keras_mobilevit.__file__).parent / "photos"

# A family's models differ in width and depth: its smallest stands for it where a case is costly.
FAMILIES = {
    entry.family: entry.name
    for entry in sorted(map(model_entry, list_models()), key=lambda entry: -entry.parameters)
}
every_model = pytest.mark.parametrize("name", list_models())
every_family = pytest.mark.parametrize("name", FAMILIES.values())


@pytest.fixture(autouse=True)
def _seed():
    keras.utils.set_random_seed(0)


@pytest.fixture
def cat():
    return PHOTOS / "cat.jpg"


@pytest.fixture(scope="session")
def exported(tmp_path_factory):
    """A labelled five-class file, the Keras model it was made from, and the record."""
    keras.utils.set_random_seed(0)
    model = keras_mobilevit.MoCoViT(0.5, classes=5, input_shape=(64, 96, 3))
    spread_logits(model)
    path = tmp_path_factory.mktemp("exported") / "model.tflite"
    record = export(model, path, labels=["daisy", "dandelion", "rose", "sunflower", "tulip"])
    return path, model, record


def spread_logits(model):
    """Random weights whose classes differ by more than rounding: a larger last layer."""
    classifier = model.get_layer("classifier")
    kernel, bias = classifier.get_weights()
    generator = np.random.default_rng(0)
    classifier.set_weights([100 * kernel, generator.normal(0, 1, bias.shape)])
