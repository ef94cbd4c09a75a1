"""The families; importing this package registers every model."""

from keras_mobilevit.models.cas_vit import CASViTM, CASViTS, CASViTT, CASViTXS
from keras_mobilevit.models.emo import EMO1M, EMO2M, EMO5M, EMO6M
from keras_mobilevit.models.ghostnet import GhostNet
from keras_mobilevit.models.mobilevit import MobileViTS, MobileViTXS, MobileViTXXS
from keras_mobilevit.models.mobilevitv2 import MobileViTV2
from keras_mobilevit.models.mocovit import MoCoViT
from keras_mobilevit.models.registry import create_model, list_models, model_entry

__all__ = [
    "EMO1M",
    "EMO2M",
    "EMO5M",
    "EMO6M",
    "CASViTM",
    "CASViTS",
    "CASViTT",
    "CASViTXS",
    "GhostNet",
    "MoCoViT",
    "MobileViTS",
    "MobileViTV2",
    "MobileViTXS",
    "MobileViTXXS",
    "create_model",
    "list_models",
    "model_entry",
]
