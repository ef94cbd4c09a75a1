import keras
import numpy as np
import pytest
from conftest import every_family

from keras_mobilevit import features
from keras_mobilevit.models import create_model


@every_family
def test_pyramid_has_every_stride(name):
    model = create_model(name, input_shape=(64, 96, 3))
    pyramid = features(model)
    maps = pyramid(np.zeros((1, 64, 96, 3), np.float32))
    assert {"P2", "P3", "P4", "P5"} <= set(maps) <= {"P1", "P2", "P3", "P4", "P5"}
    for level, values in maps.items():
        stride = 2 ** int(level[1])
        assert values.shape[1] - 64 // stride in (0, 1)  # MobileViTv2 rounds odd sides up
        assert values.shape[2] - 96 // stride in (0, 1)


@every_family
def test_last_map_is_what_the_head_sees(name):
    model = create_model(name, input_shape=(64, 64, 3))
    body_names = [layer.name for layer in model.layers if layer.name.startswith("stage")]
    last = features(model).output["P5"]
    assert last is model.get_layer(body_names[-1]).output


@pytest.mark.parametrize("name", ["mobilevit_xxs", "mobilevitv2_050"])
@pytest.mark.parametrize("output_stride", [8, 16])
def test_output_stride_dilates_instead(name, output_stride):
    model = create_model(name, input_shape=(64, 64, 3), output_stride=output_stride)
    assert set(features(model).output) == {"P1", "P2", "P3", "P4"} - (
        {"P4"} if output_stride == 8 else set()
    )
    plain = create_model(name, input_shape=(64, 64, 3))
    model.set_weights(plain.get_weights())  # the same weights at another stride
    dilations = {
        layer.dilation_rate
        for layer in model.layers
        if isinstance(layer, keras.layers.DepthwiseConv2D)
    }
    # MobileViT's blocks do not dilate, so that only what follows a left-out stride does.
    assert (max(dilations) > (1, 1)) == (name != "mobilevit_xxs" or output_stride == 8)
    with pytest.raises(ValueError, match="output_stride"):
        create_model(name, output_stride=4)


def test_other_models_are_refused():
    with pytest.raises(ValueError, match="no stages"):
        features(keras.Sequential([keras.Input((32, 32, 3)), keras.layers.Flatten()]))
