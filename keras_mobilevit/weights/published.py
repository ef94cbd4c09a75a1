"""Weights that others publish: where they are, what they expect of a photo, what they score."""

from dataclasses import dataclass

from keras_mobilevit.contract import Preprocessing

APPLE = "Apple sample code licence of ml-cvnets (github.com/apple/ml-cvnets/blob/main/LICENSE)"


@dataclass(frozen=True)
class PublishedWeights:
    """One checkpoint on the Hugging Face hub, in timm's names, of 1,000 ImageNet classes.

    `top1` is in percent on ImageNet-1k at `input_size`, as the authors report it.
    """

    preset: str
    tag: str
    license: str
    top1: float
    preprocessing: Preprocessing
    input_size: int = 256
    file: str = "model.safetensors"
    source: str = "timm"

    @property
    def name(self):
        return f"{self.preset}.{self.tag}"

    @property
    def repository(self):
        return f"timm/{self.name}"


def _cvnets(crop_fraction):
    # Pixels in 0..1, RGB: timm has turned the first kernel of Apple's BGR models around.
    return Preprocessing((0, 0, 0), (1, 1, 1), crop_fraction=crop_fraction, interpolation="bicubic")


_IN1K, _IN22K, _IN22K_384 = "cvnets_in1k", "cvnets_in22k_ft_in1k", "cvnets_in22k_ft_in1k_384"
# Top-1: ml-cvnets' model zoo, GhostNet's README. A preset's first row is its "imagenet".
PUBLISHED = (
    PublishedWeights("ghostnet_100", "in1k", "Apache-2.0", 73.98, Preprocessing(), 224),
    PublishedWeights("mobilevit_xxs", _IN1K, APPLE, 69.0, _cvnets(0.9)),
    PublishedWeights("mobilevit_xs", _IN1K, APPLE, 74.7, _cvnets(0.9)),
    PublishedWeights("mobilevit_s", _IN1K, APPLE, 78.3, _cvnets(0.9)),
    PublishedWeights("mobilevitv2_050", _IN1K, APPLE, 70.18, _cvnets(0.888)),
    PublishedWeights("mobilevitv2_075", _IN1K, APPLE, 75.56, _cvnets(0.888)),
    PublishedWeights("mobilevitv2_100", _IN1K, APPLE, 78.09, _cvnets(0.888)),
    PublishedWeights("mobilevitv2_125", _IN1K, APPLE, 79.65, _cvnets(0.888)),
    PublishedWeights("mobilevitv2_150", _IN1K, APPLE, 80.38, _cvnets(0.888)),
    PublishedWeights("mobilevitv2_150", _IN22K, APPLE, 81.46, _cvnets(0.888)),
    PublishedWeights("mobilevitv2_150", _IN22K_384, APPLE, 82.60, _cvnets(1.0), 384),
    PublishedWeights("mobilevitv2_175", _IN1K, APPLE, 80.84, _cvnets(0.888)),
    PublishedWeights("mobilevitv2_175", _IN22K, APPLE, 81.94, _cvnets(0.888)),
    PublishedWeights("mobilevitv2_175", _IN22K_384, APPLE, 82.93, _cvnets(1.0), 384),
    PublishedWeights("mobilevitv2_200", _IN1K, APPLE, 81.17, _cvnets(0.888)),
    PublishedWeights("mobilevitv2_200", _IN22K, APPLE, 82.36, _cvnets(0.888)),
    PublishedWeights("mobilevitv2_200", _IN22K_384, APPLE, 83.41, _cvnets(1.0), 384),
)
_ELSEWHERE = {
    "ghostnet": "the authors publish width 1.0 only",
    "mocovit": "the authors published none, and nobody else has",
    "emo": "the authors publish theirs at github.com/zhangzjn/EMO",
    "cas": "the authors publish theirs at github.com/Tianfang-Zhang/CAS-ViT",
}


def published_weights(preset, name):
    """The row that `weights=name` means for a preset.

    Args:
        preset: a registry name, `"mobilevit_s"`.
        name: `"imagenet"`, a tag (`"cvnets_in1k"`) or both (`"mobilevit_s.cvnets_in1k"`).

    Raises:
        ValueError: that says what there is, or where the authors publish.
    """
    rows = [row for row in PUBLISHED if row.preset == preset]
    if rows and name == "imagenet":
        return rows[0]
    for row in rows:
        if name in (row.tag, row.name):
            return row
    if rows:
        there = "'imagenet', " + ", ".join(repr(row.name) for row in rows)
    else:
        elsewhere = _ELSEWHERE.get(preset.partition("_")[0])
        there = "none on the Hugging Face hub" + (f": {elsewhere}" if elsewhere else "")
        there += "; a file of them loads with keras_mobilevit.load_checkpoint(model, path)"
    raise ValueError(
        f"weights={name!r}: of {preset} there are {there}. None gives random initialisation, the "
        "path of a '.weights.h5', '.keras', '.safetensors' or '.pth' file your own"
    )
