"""What a model's weights expect of a photo: one record, from training to the phone.

The record is made where the weights' source is known (the constructors in `models/`), rides in the
Keras graph (`layers/input_contract.py`), and is written into the `.tflite` as JSON by the exporter,
where the Python runtime and the Android app read it. Nothing here imports Keras.
"""

import dataclasses
import json
from dataclasses import dataclass

# Mean and standard deviation of ImageNet-1k's RGB channels in 0..1, as every original here uses.
IMAGENET_MEAN = (0.485, 0.456, 0.406)
IMAGENET_STD = (0.229, 0.224, 0.225)

INTERPOLATIONS = ("bilinear", "bicubic")
CHANNEL_ORDERS = ("rgb", "bgr")
RANDOM_WEIGHTS = "random"


@dataclass(frozen=True)
class Preprocessing:
    """From a photo to a model's input.

    1. Take the largest centred box of the model's aspect ratio, scaled by `crop_fraction`.
    2. Resize the box to the model's height and width: antialiased `interpolation`, rounded to
       8 bits, as Pillow's `Image.resize(size, resample, box)` does it (the filter reads beyond the
       box where the photo goes on).
    3. Per channel, in `channel_order`: `(value / 255 - mean) / std`.
    """

    mean: tuple[float, float, float] = IMAGENET_MEAN
    std: tuple[float, float, float] = IMAGENET_STD
    crop_fraction: float = 0.875
    interpolation: str = "bilinear"
    channel_order: str = "rgb"

    def __post_init__(self):
        for field in ("mean", "std"):
            values = tuple(float(v) for v in getattr(self, field))
            if len(values) != 3:
                raise ValueError(f"{field}={values}: give one number for each of 3 channels")
            object.__setattr__(self, field, values)
        if min(self.std) <= 0:
            raise ValueError(f"std={self.std}: every value must be above 0")
        if not 0 < self.crop_fraction <= 1:
            raise ValueError(
                f"crop_fraction={self.crop_fraction}: give a number above 0, at most 1"
            )
        if self.interpolation not in INTERPOLATIONS:
            raise ValueError(f"interpolation={self.interpolation!r}: use one of {INTERPOLATIONS}")
        if self.channel_order not in CHANNEL_ORDERS:
            raise ValueError(f"channel_order={self.channel_order!r}: use one of {CHANNEL_ORDERS}")


@dataclass(frozen=True)
class ModelContract:
    """Which model this is, where its weights come from, and what they expect of a photo.

    `family` is the constructor's architecture (`"MoCoViT"`), `preset` its registry name
    (`"mocovit_100"`), `weights` their source: `"random"`, a file name, or a published tag.
    """

    family: str
    preset: str
    weights: str = RANDOM_WEIGHTS
    preprocessing: Preprocessing = Preprocessing()

    def to_dict(self):
        return dataclasses.asdict(self)

    @classmethod
    def from_dict(cls, values):
        return cls(**{**values, "preprocessing": Preprocessing(**values["preprocessing"])})


@dataclass(frozen=True)
class FileContract:
    """What an exported `.tflite` says of itself; written by the exporter as `CONTRACT_FILE`.

    The file takes RGB pixels 0..255: normalization and channel order are inside its graph. What is
    left to the app is to crop and resize by `crop_fraction` and `interpolation` (see
    `Preprocessing`, steps 1 and 2). `scores` is `"probabilities"` or `"logits"`, `labels` the name
    of the label file inside the `.tflite`, one label a line in the order of the outputs, or None.
    """

    family: str
    preset: str
    weights: str
    height: int
    width: int
    crop_fraction: float
    interpolation: str
    scores: str
    classes: int
    labels: str | None
    precision: str
    task: str = "image-classification"
    color: str = "rgb"
    version: int = 1

    def to_json(self):
        return json.dumps(dataclasses.asdict(self), indent=1)

    @classmethod
    def from_json(cls, text):
        """Read a contract; ValueError if it is of a newer version or not a contract."""
        values = json.loads(text)
        if values.get("version") != cls.version:
            raise ValueError(
                f"contract version {values.get('version')} is not {cls.version}: "
                "the file was made by another release of keras-mobilevit, export it again"
            )
        return cls(**values)


CONTRACT_FILE = "keras_mobilevit.json"
