"""Self-attention over the positions of a feature map, rank 4 at most."""

from keras import layers, ops


def tokens(x, *, heads=1, name):
    """A `(batch, H, W, C)` map as tokens: `(batch, H * W, C)`, or with several heads
    `(batch, heads, H * W, C / heads)`.
    """
    _, height, width, channels = x.shape
    positions = height * width
    if heads == 1:
        return layers.Reshape((positions, channels), name=f"{name}_tokens")(x)
    x = layers.Reshape((positions, heads, channels // heads), name=f"{name}_tokens")(x)
    return layers.Permute((2, 1, 3), name=f"{name}_heads")(x)


def feature_map(x, height, width, *, name):
    """The inverse of `tokens`: back to `(batch, H, W, C)`."""
    if len(x.shape) == 4:
        x = layers.Permute((2, 1, 3), name=f"{name}_join_heads")(x)
        channels = x.shape[2] * x.shape[3]
    else:
        channels = x.shape[2]
    return layers.Reshape((height, width, channels), name=f"{name}_map")(x)


def dot_product_attention(query, key, value, *, name):
    """`softmax(query key^T / sqrt(d)) value` over the second last axis; `d` is the last."""
    if key.shape[-2] == 1:  # the softmax of one score is 1
        return value
    query = layers.Rescaling(query.shape[-1] ** -0.5, name=f"{name}_rescale")(query)
    transposed = ops.swapaxes(key, -1, -2)
    scores = layers.Softmax(name=f"{name}_softmax")(ops.matmul(query, transposed))
    return ops.matmul(scores, value)
