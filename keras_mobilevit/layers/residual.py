"""What stands on a residual branch in training: stochastic depth."""

import numpy as np
from keras import layers


def stochastic_depth(x, rate, *, name):
    """In training, drop the whole branch of an image with probability `rate` (arXiv 1603.09382)."""
    if not rate:
        return x
    shape = (None,) + (1,) * (len(x.shape) - 1)
    return layers.Dropout(rate, noise_shape=shape, name=name)(x)


def stochastic_depth_rates(last_rate, blocks):
    """The rate of each block in turn, growing linearly from 0 to `last_rate`."""
    return iter(np.linspace(0, last_rate, blocks).tolist())
