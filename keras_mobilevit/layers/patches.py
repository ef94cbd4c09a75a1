"""Unfold and fold of maps for attention, in hops of rank 4, and the resizing before them.

A map `(batch, H, W, C)` becomes `(batch, P, N, C)`: N patches of P pixels each. Pixels of the same
place in their patches form one sequence of N tokens: MobileViT's patches, EMO's dilated windows.
"""

import numpy as np
from keras import ops


def unfold(x, patch_height, patch_width):
    """`(batch, H, W, C)` to `(batch, P, N, C)`; the patch's sides divide H and W."""
    _, height, width, channels = x.shape
    pixels = patch_height * patch_width
    if pixels == 1:
        return ops.reshape(x, (-1, 1, height * width, channels))
    x = ops.reshape(x, (-1, patch_height, width // patch_width, patch_width * channels))
    x = ops.transpose(x, (0, 2, 1, 3))
    x = ops.reshape(x, (-1, height * width // pixels, pixels, channels))
    return ops.transpose(x, (0, 2, 1, 3))


def fold(x, patch_height, patch_width, height, width):
    """The inverse of `unfold`: `(batch, P, N, C)` to `(batch, H, W, C)`."""
    channels = x.shape[-1]
    if patch_height * patch_width > 1:
        x = ops.transpose(x, (0, 2, 1, 3))
        x = ops.reshape(x, (-1, width // patch_width, patch_height, patch_width * channels))
        x = ops.transpose(x, (0, 2, 1, 3))
    return ops.reshape(x, (-1, height, width, channels))


def whole_patches(side, patch):
    """The next side that patches of side `patch` fill."""
    return -(-side // patch) * patch


def resize_bilinear(x, height, width, *, align_corners):
    """Resize a `(batch, H, W, C)` map as PyTorch's `interpolate(mode="bilinear")` does.

    With `align_corners` it is a product with two constant matrices, since Keras has no such rule.
    """
    if x.shape[1:3] == (height, width):
        return x
    if not align_corners:
        return ops.image.resize(
            x, (height, width), interpolation="bilinear", data_format="channels_last"
        )
    _, old_height, old_width, channels = x.shape
    x = ops.reshape(x, (-1, old_height, old_width * channels))
    x = ops.matmul(_aligned_corners(old_height, height), x)
    x = ops.reshape(x, (-1, old_width, channels))
    x = ops.matmul(_aligned_corners(old_width, width), x)
    return ops.reshape(x, (-1, height, width, channels))


def _aligned_corners(old, new):
    """`(1, new, old)` matrix of linear interpolation that keeps the first and last sample."""
    position = np.linspace(0, old - 1, new)
    weights = np.maximum(0, 1 - np.abs(position[:, None] - np.arange(old)))
    return weights[None].astype(np.float32)
