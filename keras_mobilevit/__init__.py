"""Mobile vision transformers from paper to phone, with Keras 3.

Names are loaded when they are first used, so that the command line and the `.tflite` runtime start
without Keras and its backend.
"""

import importlib
import sys

__version__ = "0.1.0"

_MODULES = {
    **dict.fromkeys(
        (
            "CASViTM",
            "CASViTS",
            "CASViTT",
            "CASViTXS",
            "EMO1M",
            "EMO2M",
            "EMO5M",
            "EMO6M",
            "GhostNet",
            "MoCoViT",
            "MobileViTS",
            "MobileViTV2",
            "MobileViTXS",
            "MobileViTXXS",
            "create_model",
            "list_models",
        ),
        "models",
    ),
    "Cost": "counting",
    "ModelContract": "contract",
    "Preprocessing": "contract",
    "cost": "counting",
    "decode_predictions": "weights.imagenet",
    "features": "pyramid",
    "load_checkpoint": "weights.checkpoint",
    "preprocess": "images",
}
__all__ = ["__version__", *_MODULES]

# Keras finds our layers in a saved model only if they are registered by then. Where Keras is loaded
# already, that costs little; where it is not, the first model name does it.
if "keras" in sys.modules:
    importlib.import_module("keras_mobilevit.models")


def __getattr__(name):
    if name not in _MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(f"{__name__}.{_MODULES[name]}"), name)


def __dir__():
    return sorted({*globals(), *_MODULES})
