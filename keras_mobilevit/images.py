"""Photos to pixels and to model inputs: the Python side of the preprocessing contract.

Pixels are RGB, `uint8`, 0..255. Nothing here imports Keras, so that the `.tflite` runtime can do
without it.
"""

from pathlib import Path

import numpy as np
from PIL import Image, ImageOps, UnidentifiedImageError

_RESAMPLING = {
    "bilinear": Image.Resampling.BILINEAR,
    "bicubic": Image.Resampling.BICUBIC,
}


def load_image(image):
    """Any photo as an RGB `PIL.Image`, upright.

    Args:
        image: a path, a `PIL.Image` of any mode, or an array `(H, W)`, `(H, W, 1)`, `(H, W, 3)` or
            `(H, W, 4)` with values 0..255 (`uint8`, or numbers that are rounded to it).

    EXIF orientation is applied, transparency is laid over white, 16-bit gray is scaled to 8.
    Raises FileNotFoundError, or ValueError for what is not an image.
    """
    if isinstance(image, (str, Path)):
        return _open(Path(image))
    if isinstance(image, Image.Image):
        return _to_rgb(image)
    return _to_rgb(_from_array(np.asarray(image)))


def crop_box(width, height, target_width, target_height, crop_fraction):
    """The centred box `(left, top, right, bottom)`, in source pixels, that becomes the input.

    The largest box of the target's aspect ratio, scaled by `crop_fraction`; edges may be fractions.
    """
    scale = crop_fraction * min(width / target_width, height / target_height)
    box_width, box_height = target_width * scale, target_height * scale
    left, top = (width - box_width) / 2, (height - box_height) / 2
    return left, top, left + box_width, top + box_height


def crop_and_resize(image, height, width, *, crop_fraction, interpolation):
    """An RGB `PIL.Image` as pixels `(height, width, 3)`, `uint8`, by the contract's rule."""
    box = crop_box(image.width, image.height, width, height, crop_fraction)
    resized = image.resize((width, height), _RESAMPLING[interpolation], box=box)
    return np.asarray(resized, dtype=np.uint8)


def preprocess(images, model):
    """Photos as the model's weights expect them.

    Args:
        images: one photo or a list of photos, each as in `load_image`; an array of rank 4 is a
            batch. Sizes may differ.
        model: a Keras model of this package (its input contract says how to crop, resize and
            normalize).

    Returns:
        `float32` array `(batch, height, width, 3)`, ready for `model.predict`.
    """
    from keras_mobilevit.layers.input_contract import model_contract

    rule = model_contract(model).preprocessing
    height, width = model.input_shape[1:3]
    batch = isinstance(images, (list, tuple)) or getattr(images, "ndim", None) == 4
    pixels = [
        crop_and_resize(
            load_image(image),
            height,
            width,
            crop_fraction=rule.crop_fraction,
            interpolation=rule.interpolation,
        )
        for image in (images if batch else [images])
    ]
    if not pixels:
        raise ValueError("images is empty: give at least one photo")
    return normalize(np.stack(pixels), rule)


def normalize(pixels, rule):
    """Pixels `(batch, H, W, 3)`, RGB 0..255, as `float32` normalized by a `Preprocessing` rule."""
    values = np.asarray(pixels, np.float32)
    if rule.channel_order == "bgr":
        values = values[..., ::-1]
    return (values / 255 - np.float32(rule.mean)) / np.float32(rule.std)


def _open(path):
    if not path.exists():
        raise FileNotFoundError(f"{path}: no such file")
    if path.is_dir():
        raise ValueError(f"{path} is a folder: name an image file")
    try:
        with Image.open(path) as image:
            return _to_rgb(image)
    except UnidentifiedImageError as error:
        raise ValueError(f"{path} is not an image that Pillow can read") from error
    except (OSError, SyntaxError, Image.DecompressionBombError) as error:
        raise ValueError(f"{path} can not be read as an image: {error}") from error


def _from_array(array):
    if array.ndim == 3 and array.shape[-1] == 1:
        array = array[..., 0]
    if not (array.ndim == 2 or (array.ndim == 3 and array.shape[-1] in (3, 4))) or 0 in array.shape:
        raise ValueError(
            f"image has shape {array.shape}: give (H, W), (H, W, 1), (H, W, 3) or (H, W, 4)"
        )
    if array.dtype != np.uint8:
        if not (np.issubdtype(array.dtype, np.number) and np.isfinite(array).all()):
            raise ValueError(f"image has dtype {array.dtype} or holds NaN: give numbers in 0..255")
        low, high = array.min(), array.max()
        if low < 0 or high > 255:
            raise ValueError(f"image values reach from {low} to {high}: give pixels in 0..255")
        if np.issubdtype(array.dtype, np.floating) and 0 < high <= 1:
            raise ValueError(f"image values end at {high}: give pixels in 0..255, not 0..1")
        array = np.round(array).astype(np.uint8)
    return Image.fromarray(array)


def _to_rgb(image):
    image = ImageOps.exif_transpose(image)
    if image.mode.startswith("I"):
        levels = np.asarray(image, np.float64)
        scale = 255 / 65535 if levels.max() > 255 else 1.0
        image = Image.fromarray(np.clip(np.round(levels * scale), 0, 255).astype(np.uint8))
    if image.has_transparency_data:
        image = image.convert("RGBA")
        return Image.alpha_composite(Image.new("RGBA", image.size, "white"), image).convert("RGB")
    return image.convert("RGB")
