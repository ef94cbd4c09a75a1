"""The families; importing this package registers every model."""

from keras_mobilevit.models.ghostnet import GhostNet
from keras_mobilevit.models.mocovit import MoCoViT
from keras_mobilevit.models.registry import create_model, list_models, model_entry

__all__ = ["GhostNet", "MoCoViT", "create_model", "list_models", "model_entry"]
