"""The `keras.applications` contract, the same for every family: input, top, weights."""

import dataclasses
import warnings
from pathlib import Path

import keras
from keras import layers

from keras_mobilevit._checks import check_count
from keras_mobilevit.contract import RANDOM_WEIGHTS
from keras_mobilevit.layers.input_contract import InputContract, model_contract
from keras_mobilevit.weights.imagenet import CLASSES
from keras_mobilevit.weights.published import published_weights

MINIMUM_SIZE = 32
POOLINGS = {None: None, "avg": layers.GlobalAveragePooling2D, "max": layers.GlobalMaxPooling2D}


def check_arguments(*, include_top, weights, pooling, classes):
    """Raise ValueError for what no constructor accepts, before anything is built."""
    if pooling not in POOLINGS:
        raise ValueError(f"pooling={pooling!r}: use None, 'avg' or 'max'")
    if include_top and pooling is not None:
        raise ValueError(
            f"pooling={pooling!r} is for include_top=False: the classifier has its own pooling"
        )
    check_count("classes", classes)
    if _is_file_name(weights):
        if not Path(weights).is_file():
            raise ValueError(f"weights={str(weights)!r}: no such file")
    elif weights is not None and include_top and classes != CLASSES:
        raise ValueError(
            f"classes={classes} with weights={weights!r}: these have {CLASSES}. Use "
            "include_top=False and put your own classifier on the features"
        )


_KERAS_FILES = (".weights.h5", ".keras")
_CHECKPOINT_FILES = (".safetensors", ".pt", ".pth", ".bin")


def _is_file_name(weights):
    return str(weights).endswith(_KERAS_FILES + _CHECKPOINT_FILES)


def model_input(input_tensor, input_shape, *, default_size, contract_of, weights):
    """The model's input and the tensor to build on.

    `contract_of` makes the family's `ModelContract` from the name of the weights' source; published
    weights bring their own preprocessing and default size. Returns `(inputs, x)`; `x` has a static
    `(batch, H, W, 3)` shape.
    """
    if weights is None:
        contract = contract_of(RANDOM_WEIGHTS)
    elif _is_file_name(weights):
        contract = contract_of(Path(weights).name)
    else:
        row = published_weights(contract_of(RANDOM_WEIGHTS).preset, weights)
        contract = dataclasses.replace(contract_of(row.name), preprocessing=row.preprocessing)
        default_size = row.input_size
    if input_tensor is None:
        shape = check_input_shape(input_shape or (default_size, default_size, 3))
        inputs = x = layers.Input(shape, name="image")
    else:
        if not keras.backend.is_keras_tensor(input_tensor):
            raise ValueError(
                f"input_tensor={input_tensor!r}: give a Keras tensor, such as keras.Input(...)"
            )
        shape = check_input_shape(input_tensor.shape[1:])
        if input_shape is not None and tuple(input_shape) != shape:
            raise ValueError(f"input_shape={input_shape} is not the shape of input_tensor, {shape}")
        x = input_tensor
        sources = keras.utils.get_source_inputs(input_tensor)
        inputs = sources[0] if len(sources) == 1 else sources
    return inputs, InputContract(contract, name="input_contract")(x)


def check_input_shape(shape):
    """`(height, width, 3)` as a tuple of static sizes; ValueError for anything else."""
    shape = tuple(shape)
    if len(shape) != 3 or shape[-1] != 3:
        raise ValueError(f"input_shape={shape}: give (height, width, 3), channels last, RGB")
    if not all(isinstance(side, int) and side >= MINIMUM_SIZE for side in shape[:2]):
        raise ValueError(
            f"input_shape={shape}: height and width must be whole numbers, {MINIMUM_SIZE} or more"
        )
    return shape


def check_output_stride(output_stride):
    if output_stride not in (8, 16, 32):
        raise ValueError(f"output_stride={output_stride!r}: use 8, 16 or 32")


def pooled(x, pooling):
    """Features as `include_top=False` returns them: the map, or `(batch, C)` if `pooling`."""
    if pooling is None:
        return x
    return POOLINGS[pooling](data_format="channels_last", name=f"{pooling}_pool")(x)


def classifier(x, classes, activation, *, dropout=0.0):
    """Dropout and the last dense layer on `(batch, C)`; float32 also under mixed precision."""
    if dropout:
        x = layers.Dropout(dropout, name="classifier_dropout")(x)
    return layers.Dense(classes, activation=activation, dtype="float32", name="classifier")(x)


def build_model(inputs, outputs, *, name, weights):
    model = keras.Model(inputs, outputs, name=name)
    if weights is not None and not _is_file_name(weights):
        from keras_mobilevit.weights.hub import load_published

        load_published(model, published_weights(model_contract(model).preset, weights))
    elif str(weights).endswith(_CHECKPOINT_FILES):
        from keras_mobilevit.weights.checkpoint import load_checkpoint

        load_checkpoint(model, weights)
    elif weights is not None:
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", UserWarning)
                model.load_weights(weights)
        except (ValueError, KeyError, OSError) as error:
            # Keras prints the whole variable after the reason.
            reason = " ".join(str(error).partition("Target variable")[0].split())
            raise ValueError(f"weights={str(weights)!r} do not fit {name}: {reason}") from error
    return model
