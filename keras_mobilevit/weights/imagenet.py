"""The 1,000 classes of ImageNet-1k: names, and decoded predictions."""

import functools
from importlib import resources

import numpy as np

CLASSES = 1000


@functools.cache
def imagenet_classes():
    """`(wnid, name)` of the classes in the order of the outputs, such as `("n01440764", "tench")`."""
    table = resources.files(__package__).joinpath("imagenet1k.tsv").read_text(encoding="utf-8")
    return tuple(tuple(line.split("\t")[1:3]) for line in table.splitlines())


def decode_predictions(predictions, top=5):
    """Name the best classes, as `keras.applications` does.

    Args:
        predictions: `(batch, 1000)` scores of a model with ImageNet's classes.
        top: how many to name, 1 to 1000.

    Returns:
        For each image a list of `(wnid, name, score)`, best first.

    Raises:
        ValueError: for another shape, or `top` out of range.
    """
    predictions = np.asarray(predictions)
    if predictions.ndim != 2 or predictions.shape[1] != CLASSES:
        raise ValueError(f"predictions have shape {predictions.shape}: give (batch, {CLASSES})")
    if not 1 <= top <= CLASSES:
        raise ValueError(f"top={top}: give a number from 1 to {CLASSES}")
    classes = imagenet_classes()
    best = np.argsort(-predictions, axis=-1, kind="stable")[:, :top]
    return [
        [(*classes[index], float(scores[index])) for index in indices]
        for scores, indices in zip(predictions, best, strict=True)
    ]
