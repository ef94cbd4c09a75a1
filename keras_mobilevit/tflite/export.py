"""Keras to TFLite: batch 1, static shapes, builtin operators, pixels in, checked before it is kept.

The variables are frozen into the traced function first: handing the converter a function of a
Keras 3 model with live variables gives NaN without a word, and going through a SavedModel takes
four times as long.
"""

import dataclasses
import re
from dataclasses import dataclass
from pathlib import Path

import numpy as np

import keras_mobilevit
from keras_mobilevit._files import written_whole
from keras_mobilevit._optional import captured_stderr, require
from keras_mobilevit.contract import CONTRACT_FILE, RANDOM_WEIGHTS, FileContract
from keras_mobilevit.errors import ExportError
from keras_mobilevit.images import normalize
from keras_mobilevit.tflite.inspection import inspect_file
from keras_mobilevit.tflite.metadata import classifier_metadata
from keras_mobilevit.tflite.packing import add_metadata, append_files
from keras_mobilevit.tflite.runtime import Classifier
from keras_mobilevit.weights.imagenet import CLASSES, imagenet_classes
from keras_mobilevit.weights.published import PUBLISHED

LABELS_FILE = "labels.txt"
# Largest difference from Keras that a file may have, in standard deviations of the model's logits.
# float32: rounding in another order of summation. float16: weights rounded to 11 bits; networks of
# random weights that amplify reach half of it.
TOLERANCES = {"float32": 1e-4, "float16": 5e-2}
_CHECKED_INPUTS = 8
_LEAST_PROBABILITY = 1e-30  # where float32 still has all its digits


@dataclass(frozen=True)
class ExportRecord:
    """What was written and how far it is from the Keras model.

    `difference` is the largest difference between the logits of file and model over `inputs`
    images, in standard deviations of the logits; `bound` is what would have been refused.
    `top1_agreement` of `inputs` images get the same best class.
    """

    path: str
    name: str
    precision: str
    height: int
    width: int
    weights: str
    size_bytes: int
    operators: dict[str, int]
    max_rank: int
    xnnpack_delegated: int
    xnnpack_partitions: int
    difference: float
    bound: float
    top1_agreement: int
    inputs: int

    def to_dict(self):
        return dataclasses.asdict(self)


def export(
    model,
    path,
    precision="float32",
    labels=None,
    *,
    contract=None,
    description=None,
    author="",
    license="",
    version="1",
):
    """Write a Keras classifier as a `.tflite` that takes pixels and describes itself.

    The file takes one RGB image `(1, height, width, 3)`, `float32` pixels 0..255; normalization by
    the weights' source is inside its graph. It holds the standard TFLite metadata, the labels, and
    the contract that `Classifier` and the Android app read. It is written beside `path`, run
    against the Keras model on the same images, and takes its name only if both agree.

    Args:
        model: a functional Keras model with one image input of static size and one output
            `(batch, classes)`.
        path: where to write; the folder exists.
        precision: `"float32"`, or `"float16"` for weights of half the size (computed in float32 on
            CPUs).
        labels: one for each class in the order of the outputs: a list, or the path of a text file
            with one a line. None leaves them out, but for published ImageNet weights, whose labels
            are known.
        contract: a `ModelContract` for a model that was not made by this package.
        description, author, license, version: of the model, for the metadata.

    Returns:
        An `ExportRecord`.

    Raises:
        ValueError: for arguments that do not fit, naming the argument.
        ExportError: if the model needs operators outside TFLite's builtins (names them), or the
            file differs from the model by more than `TOLERANCES[precision]`. Nothing is written.
    """
    path = Path(path)
    if precision not in TOLERANCES:
        raise ValueError(f"precision={precision!r}: use one of {tuple(TOLERANCES)}")
    if not path.parent.is_dir():
        raise ValueError(f"path={str(path)!r}: the folder {path.parent} does not exist")
    if path.is_dir():
        raise ValueError(f"path={str(path)!r} is a folder: name the file to write")
    contract = contract or _contract_of(model)
    height, width, classes = _check_shapes(model)
    if (
        labels is None
        and classes == CLASSES
        and contract.weights in {row.name for row in PUBLISHED}
    ):
        labels = [name for _, name in imagenet_classes()]
    labels = _check_labels(labels, classes)

    described = FileContract(
        family=contract.family,
        preset=contract.preset,
        weights=contract.weights,
        height=height,
        width=width,
        crop_fraction=contract.preprocessing.crop_fraction,
        interpolation=contract.preprocessing.interpolation,
        scores="probabilities" if _gives_probabilities(model) else "logits",
        classes=classes,
        labels=LABELS_FILE if labels else None,
        precision=precision,
    )
    metadata = classifier_metadata(
        name=model.name,
        description=description or _description(described),
        version=version,
        author=author,
        license=license,
        height=height,
        width=width,
        scores=described.scores,
        labels_file=described.labels,
        contract_file=CONTRACT_FILE,
    )
    flatbuffer = _convert(model, contract.preprocessing, precision)
    files = {CONTRACT_FILE: described.to_json()}
    if labels:
        files[LABELS_FILE] = "\n".join(labels) + "\n"
    bound = TOLERANCES[precision]
    with written_whole(path) as partial:
        partial.write_bytes(add_metadata(flatbuffer, metadata))
        append_files(partial, files)
        with captured_stderr():
            difference, agreement = _compare(model, contract.preprocessing, partial)
            report = inspect_file(partial)
        if not difference <= bound:
            raise ExportError(
                f"{path.name} is not kept: its logits differ from those of the Keras model by "
                f"{difference:.2g} standard deviations, more than the {bound:g} allowed for "
                f"{precision}"
            )
    return ExportRecord(
        path=str(path),
        name=model.name,
        precision=precision,
        height=height,
        width=width,
        weights=contract.weights,
        size_bytes=path.stat().st_size,
        operators=report.operators,
        max_rank=report.max_rank,
        xnnpack_delegated=report.delegated,
        xnnpack_partitions=report.partitions,
        difference=difference,
        bound=bound,
        top1_agreement=agreement,
        inputs=_CHECKED_INPUTS,
    )


def _contract_of(model):
    from keras_mobilevit.layers.input_contract import model_contract

    return model_contract(model)


def _description(contract):
    text = (
        f"{contract.family} image classifier, made by keras-mobilevit {keras_mobilevit.__version__}"
    )
    if contract.weights == RANDOM_WEIGHTS:
        text += "; its weights are random, so its labels mean nothing"
    return text


def _check_shapes(model):
    if len(model.inputs) != 1 or len(model.outputs) != 1:
        raise ValueError(
            f"model {model.name!r} has {len(model.inputs)} inputs and {len(model.outputs)} outputs: "
            "export takes one image input and one output of classes"
        )
    shape, output = model.inputs[0].shape, model.outputs[0].shape
    if len(shape) != 4 or shape[-1] != 3 or None in shape[1:]:
        raise ValueError(
            f"model {model.name!r} takes {shape}: build it with a static (height, width, 3)"
        )
    if len(output) != 2 or output[1] is None:
        raise ValueError(
            f"model {model.name!r} gives {output}: export takes classifiers, (batch, classes)"
        )
    return shape[1], shape[2], output[1]


def read_labels(path):
    """Labels of a UTF-8 text file, one a line; ValueError if it is not there or not text."""
    path = Path(path)
    if not path.is_file():
        raise ValueError(f"labels={str(path)!r}: no such file")
    try:
        return path.read_text(encoding="utf-8").splitlines()
    except UnicodeDecodeError as error:
        raise ValueError(f"labels={str(path)!r} is not a text file in UTF-8") from error


def _check_labels(labels, classes):
    if labels is None:
        return None
    if isinstance(labels, (str, Path)):
        labels = read_labels(labels)
    labels = [str(label).strip() for label in labels]
    if len(labels) != classes:
        raise ValueError(f"labels: {len(labels)} given, the model has {classes} classes")
    for index, label in enumerate(labels):
        if not label or "\n" in label:
            raise ValueError(f"labels[{index}]={label!r}: give one line of text")
    return labels


def _gives_probabilities(model):
    import keras

    last = model.outputs[0]._keras_history.operation
    if isinstance(last, keras.Model):
        return _gives_probabilities(last)
    if type(last).__name__ in ("Softmax", "Sigmoid"):  # as layers and as operations
        return True
    activation = getattr(last, "activation", None)
    return activation in (keras.activations.softmax, keras.activations.sigmoid)


def _convert(model, preprocessing, precision):
    import keras

    if keras.backend.backend() != "tensorflow":
        raise ExportError(
            f"Keras runs on {keras.backend.backend()}: export needs TensorFlow. Save the weights, "
            "set KERAS_BACKEND=tensorflow and load them there"
        )
    tf = require("tensorflow", "tflite")
    freezing = require("tensorflow.python.framework.convert_to_constants", "tflite")

    def pixels_to_scores(pixels):
        return model(_normalized(tf, pixels, preprocessing), training=False)

    specification = tf.TensorSpec((1, *model.inputs[0].shape[1:]), tf.float32, name="image")
    with captured_stderr() as log:
        function = tf.function(pixels_to_scores).get_concrete_function(specification)
        frozen = freezing.convert_variables_to_constants_v2(function)
        converter = tf.lite.TFLiteConverter.from_concrete_functions([frozen], tf.Module())
        converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS]
        if precision == "float16":
            converter.optimizations = [tf.lite.Optimize.DEFAULT]
            converter.target_spec.supported_types = [tf.float16]
        try:
            return converter.convert()
        except Exception as error:
            raise ExportError(_conversion_failure(model, f"{error}\n{log()}")) from error


def _normalized(tf, pixels, preprocessing):
    """`(value / 255 - mean) / std`, and the channel order, on `(1, height, width, 3)` RGB pixels.

    On whole rows, since elementwise kernels are slow on an innermost axis of 3.
    """
    mean, std = np.asarray(preprocessing.mean), np.asarray(preprocessing.std)
    scale, shift = (1 / (255 * std)).astype(np.float32), (-mean / std).astype(np.float32)
    if preprocessing.channel_order == "bgr":
        reverse = np.diag(scale)[::-1].reshape(1, 1, 3, 3)
        return tf.nn.bias_add(tf.nn.conv2d(pixels, reverse, 1, "VALID"), shift)
    _, height, width, _ = pixels.shape
    rows = tf.reshape(pixels, (1, height, 1, 3 * width))
    rows = rows * np.tile(scale, width) + np.tile(shift, width)
    return tf.reshape(rows, (1, height, width, 3))


def _conversion_failure(model, log):
    refused = re.findall(r"(?:TF Select|Custom) ops: *(.+)", log)
    if refused:
        names = ", ".join(dict.fromkeys(name.strip() for name in ", ".join(refused).split(",")))
        return f"{model.name} uses operators that TFLite has no builtin for: {names}"
    return f"{model.name} can not be converted: {log.strip().splitlines()[0]}"


def _compare(model, preprocessing, path):
    """Largest logit difference in standard deviations, and images with the same best class."""
    classifier = Classifier(path)
    pixels = _test_images(classifier.contract.height, classifier.contract.width)
    expected = _logits(
        np.asarray(model(normalize(pixels, preprocessing), training=False)), classifier
    )
    actual = _logits(np.stack([classifier.run(image) for image in pixels]), classifier)
    spread = float(expected.std())
    difference = float(np.abs(actual - expected).max())
    agreement = int((actual.argmax(-1) == expected.argmax(-1)).sum())
    return difference / spread if spread > 0 else difference, agreement


def _logits(scores, classifier):
    # The logarithm of a softmax is the logits up to a shift, so that the bound means the same.
    return (
        np.log(np.maximum(scores, _LEAST_PROBABILITY))
        if classifier.contract.scores == "probabilities"
        else scores
    )


def _test_images(height, width):
    """Pixels with structure at every scale, `(8, height, width, 3)`, the same at every call."""
    from PIL import Image

    generator = np.random.default_rng(0)
    images = np.zeros((_CHECKED_INPUTS, height, width, 3), np.float32)
    for side in (2, 4, 8, 16, 32):
        for image in images:
            coarse = generator.integers(0, 256, (side, side, 3), np.uint8)
            smooth = Image.fromarray(coarse).resize((width, height), Image.Resampling.BICUBIC)
            image += np.asarray(smooth, np.float32)
    low, high = images.min((1, 2, 3), keepdims=True), images.max((1, 2, 3), keepdims=True)
    return np.round(255 * (images - low) / (high - low))
