"""Pictures of results: a photo with what the model saw of it and what it said."""

from PIL import Image, ImageDraw, ImageFont

from keras_mobilevit.contract import RANDOM_WEIGHTS
from keras_mobilevit.images import crop_box, load_image

_WIDTH = 640
_LINE = 30
_MARGIN = 12
_INK, _PAPER, _BAR, _SHADE = "#1b1b1b", "#ffffff", "#9cc4f2", (0, 0, 0, 120)


def draw_classification(image, classification, contract):
    """The photo, 640 pixels wide, over its labels and scores; returns a `PIL.Image`.

    What the model did not see, outside the crop of the file's `contract`, is darkened.
    """
    photo = load_image(image)
    photo = photo.resize((_WIDTH, round(photo.height * _WIDTH / photo.width)))
    box = crop_box(
        photo.width, photo.height, contract.width, contract.height, contract.crop_fraction
    )
    shade = Image.new("RGBA", photo.size, _SHADE)
    shade.paste((0, 0, 0, 0), tuple(round(edge) for edge in box))
    photo = Image.alpha_composite(photo.convert("RGBA"), shade).convert("RGB")

    lines = [
        (f"{prediction.label}  {prediction.score:.1%}", prediction.score)
        for prediction in classification.predictions
    ]
    note = f"{contract.preset}, {contract.precision}, {classification.inference_ms:.1f} ms"
    if contract.weights == RANDOM_WEIGHTS:
        note += ". Random weights: the labels mean nothing"
    lines.append((note, 0.0))

    picture = Image.new("RGB", (_WIDTH, photo.height + _LINE * len(lines) + 2 * _MARGIN), _PAPER)
    picture.paste(photo)
    draw = ImageDraw.Draw(picture)
    font = ImageFont.load_default(size=18)
    for row, (text, share) in enumerate(lines):
        top = photo.height + _MARGIN + row * _LINE
        full = _WIDTH - 2 * _MARGIN
        if share > 0:
            draw.rectangle((_MARGIN, top, _MARGIN + full * share, top + _LINE - 6), fill=_BAR)
        while font.getlength(text) > full:
            text = text[:-2] + "…"
        draw.text((_MARGIN + 4, top), text, fill=_INK, font=font)
    return picture
