"""Self-attention over the positions of a feature map, rank 4 at most."""

from keras import layers, ops

from keras_mobilevit.layers.convolution import dense


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


def multi_head_attention(x, *, heads, name):
    """Self-attention along the second last axis of `(batch, P, N, C)`, for each P by itself."""
    channels = x.shape[-1]
    query, key, value = (
        dense(x, channels, name=f"{name}_{part}") for part in ("query", "key", "value")
    )
    x = attend(query, key, value, heads=heads, name=name)
    return dense(x, channels, name=f"{name}_project")


def attend(query, key, value, *, heads, name):
    """Multi-head attention of projected `(batch, P, N, C)` tokens, for each P by itself.

    P and the heads share one axis, so that products and softmax have rank 4 and a batch of 1.
    """
    _, sequences, positions, channels = value.shape
    size = channels // heads

    def split(x):
        x = ops.transpose(ops.reshape(x, (-1, positions, heads, size)), (0, 2, 1, 3))
        return ops.reshape(x, (-1, sequences * heads, positions, size))

    x = dot_product_attention(split(query), split(key), split(value), name=name)
    x = ops.transpose(ops.reshape(x, (-1, heads, positions, size)), (0, 2, 1, 3))
    return ops.reshape(x, (-1, sequences, positions, channels))


def dot_product_attention(query, key, value, *, name):
    """`softmax(query key^T / sqrt(d)) value` over the second last axis; `d` is the last."""
    query = layers.Rescaling(query.shape[-1] ** -0.5, name=f"{name}_rescale")(query)
    scores = ops.matmul(query, ops.swapaxes(key, -1, -2))
    return ops.matmul(softmax(scores, axis=-1, name=name), value)


def softmax(scores, *, axis, name):
    """Softmax; of a single score, which Keras warns of, it is 1."""
    if scores.shape[axis] == 1:
        return ops.ones_like(scores)
    return layers.Softmax(axis=axis, name=f"{name}_softmax")(scores)
