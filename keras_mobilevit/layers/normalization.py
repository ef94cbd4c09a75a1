"""LayerNorm and one-group GroupNorm from the operators that every delegate takes.

Keras' own layers convert to 5-D reshapes (GroupNormalization) or to operators that int8 files keep
in float one by one (LayerNormalization); mean, square and rsqrt stay on the accelerator.
"""

import keras
from keras import ops


class _AffineNorm(keras.layers.Layer):
    """Mean 0, variance 1 over `axes`, then scale and shift by channel, the last axis."""

    axes = None

    def __init__(self, epsilon=1e-5, **kwargs):
        super().__init__(**kwargs)
        self.epsilon = epsilon

    def build(self, input_shape):
        channels = (input_shape[-1],)
        self.gamma = self.add_weight(shape=channels, initializer="ones", name="gamma")
        self.beta = self.add_weight(shape=channels, initializer="zeros", name="beta")

    def call(self, inputs):
        axes = self.axes
        centred = inputs - ops.mean(inputs, axis=axes, keepdims=True)
        variance = ops.mean(ops.square(centred), axis=axes, keepdims=True)
        return centred * ops.rsqrt(variance + self.epsilon) * self.gamma + self.beta

    def compute_output_spec(self, inputs):
        return keras.KerasTensor(inputs.shape, dtype=self.compute_dtype)

    def get_config(self):
        return {**super().get_config(), "epsilon": self.epsilon}


@keras.saving.register_keras_serializable("keras_mobilevit")
class ChannelNorm(_AffineNorm):
    """LayerNorm over the last axis, of each position by itself."""

    axes = (-1,)


@keras.saving.register_keras_serializable("keras_mobilevit")
class MapNorm(_AffineNorm):
    """GroupNorm with one group: over positions and channels of each image, rank 4."""

    axes = (1, 2, 3)
