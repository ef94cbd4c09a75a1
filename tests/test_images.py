import numpy as np
import pytest
from PIL import Image

from keras_mobilevit import MoCoViT, Preprocessing, preprocess
from keras_mobilevit.images import crop_and_resize, crop_box, load_image, normalize


def test_crop_box_is_centred_and_keeps_the_aspect_ratio():
    assert crop_box(640, 480, 224, 224, 1.0) == (80, 0, 560, 480)
    assert crop_box(480, 640, 224, 224, 0.5) == (120, 200, 360, 440)
    left, top, right, bottom = crop_box(640, 480, 256, 192, 0.875)
    assert (right - left) / (bottom - top) == 256 / 192
    assert (left + right, top + bottom) == (640, 480)


def test_wide_photo_is_cropped_not_squashed():
    photo = np.zeros((100, 300, 3), np.uint8)
    photo[:, 100:200] = 255  # exactly the centred square
    pixels = crop_and_resize(load_image(photo), 50, 50, crop_fraction=1.0, interpolation="bilinear")
    assert pixels[:, 1:-1].min() == 255  # at the border the filter reaches one pixel further


def test_exif_orientation_is_applied(tmp_path):
    photo = Image.new("RGB", (40, 20), "black")
    photo.paste("white", (0, 0, 20, 20))
    exif = Image.Exif()
    exif[0x0112] = 6  # the camera was turned: show it rotated by 90 degrees clockwise
    photo.save(tmp_path / "turned.png", exif=exif)
    upright = load_image(tmp_path / "turned.png")
    assert upright.size == (20, 40)
    assert upright.getpixel((10, 5)) == (255, 255, 255)
    assert upright.getpixel((10, 35)) == (0, 0, 0)


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "RGB", "RGBA", "CMYK", "I;16"])
def test_every_mode_becomes_rgb(mode):
    gray = Image.new("L", (8, 8), 200)
    photo = Image.fromarray(np.full((8, 8), 200 * 257, np.uint16)) if mode == "I;16" else gray
    photo = photo if mode == "I;16" else photo.convert("RGB").convert(mode, palette=Image.ADAPTIVE)
    rgb = load_image(photo)
    assert rgb.mode == "RGB"
    assert rgb.getpixel((4, 4)) == ((255,) * 3 if mode == "1" else (200,) * 3)


def test_transparency_is_laid_over_white():
    assert load_image(Image.new("RGBA", (4, 4), (255, 0, 0, 0))).getpixel((0, 0)) == (255, 255, 255)
    assert load_image(np.zeros((4, 4, 4), np.uint8)).getpixel((0, 0)) == (255, 255, 255)


@pytest.mark.parametrize(
    ("array", "said"),
    [
        (np.zeros((4, 4, 2), np.uint8), "shape"),
        (np.zeros((0, 4, 3), np.uint8), "shape"),
        (np.zeros(4, np.uint8), "shape"),
        (np.full((4, 4, 3), 300.0), "300"),
        (np.full((4, 4, 3), -1), "-1"),
        (np.full((4, 4, 3), np.nan), "NaN"),
        (np.full((4, 4, 3), 0.5), "not 0..1"),
        (np.full((4, 4, 3), "a"), "dtype"),
    ],
)
def test_arrays_that_are_no_pixels_are_refused(array, said):
    with pytest.raises(ValueError, match=said):
        load_image(array)


def test_files_that_are_no_images_are_refused(tmp_path, cat):
    (tmp_path / "empty.jpg").touch()
    (tmp_path / "text.jpg").write_text("hello")
    (tmp_path / "cut.jpg").write_bytes(cat.read_bytes()[:5000])
    with pytest.raises(FileNotFoundError, match="no such file"):
        load_image(tmp_path / "nowhere.jpg")
    for name in ("empty.jpg", "text.jpg", "cut.jpg", "."):
        with pytest.raises(ValueError, match=str(tmp_path)):
            load_image(tmp_path / name)


def test_preprocess_normalizes_what_it_cropped(cat):
    model = MoCoViT(0.5, input_shape=(64, 96, 3))
    array = np.asarray(load_image(cat))
    batch = preprocess([cat, Image.open(cat), array], model)
    assert batch.shape == (3, 64, 96, 3)
    assert batch.dtype == np.float32
    np.testing.assert_array_equal(batch[0], batch[1])
    np.testing.assert_array_equal(batch[0], batch[2])
    np.testing.assert_array_equal(preprocess(cat, model), batch[:1])
    np.testing.assert_array_equal(preprocess(array[None], model), batch[:1])
    white = preprocess(np.full((50, 50, 3), 255, np.uint8), model)
    np.testing.assert_allclose(
        white[0, 0, 0], (1 - np.array([0.485, 0.456, 0.406])) / [0.229, 0.224, 0.225], rtol=1e-6
    )
    with pytest.raises(ValueError, match="empty"):
        preprocess([], model)


def test_bgr_sources_get_reversed_channels():
    rule = Preprocessing(mean=(0, 0, 0), std=(1, 1, 1), channel_order="bgr")
    red = np.zeros((1, 1, 1, 3), np.uint8)
    red[..., 0] = 255
    np.testing.assert_array_equal(normalize(red, rule), [[[[0, 0, 1]]]])
