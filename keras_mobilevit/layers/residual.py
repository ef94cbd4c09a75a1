"""What stands on a residual branch in training: layer scale and stochastic depth."""

import keras
from keras import layers


@keras.saving.register_keras_serializable("keras_mobilevit")
class LayerScale(keras.layers.Layer):
    """A learned factor for each channel, the last axis (CaiT, arXiv 2103.17239)."""

    def __init__(self, initial_value=1e-5, **kwargs):
        super().__init__(**kwargs)
        self.initial_value = initial_value

    def build(self, input_shape):
        initializer = keras.initializers.Constant(self.initial_value)
        self.gamma = self.add_weight(
            shape=(input_shape[-1],), initializer=initializer, name="gamma"
        )

    def call(self, inputs):
        return inputs * self.gamma

    def compute_output_spec(self, inputs):
        return keras.KerasTensor(inputs.shape, dtype=self.compute_dtype)

    def get_config(self):
        return {**super().get_config(), "initial_value": self.initial_value}


def stochastic_depth(x, rate, *, name):
    """In training, drop the whole branch of an image with probability `rate` (arXiv 1603.09382)."""
    if not rate:
        return x
    shape = (None,) + (1,) * (len(x.shape) - 1)
    return layers.Dropout(rate, noise_shape=shape, name=name)(x)
