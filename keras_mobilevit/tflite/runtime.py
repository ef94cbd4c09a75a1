"""Run an exported file on photos: labelled, sorted results and where the time went."""

import time
from dataclasses import dataclass

import numpy as np

from keras_mobilevit._checks import check_count
from keras_mobilevit.contract import CONTRACT_FILE, FileContract
from keras_mobilevit.images import crop_and_resize, load_image
from keras_mobilevit.tflite.interpreter import open_interpreter
from keras_mobilevit.tflite.packing import packed_files


@dataclass(frozen=True)
class Prediction:
    """One class of a result; `score` is a probability 0..1."""

    index: int
    label: str
    score: float


@dataclass(frozen=True)
class Classification:
    """The best classes of one photo, best first, and the milliseconds of each step.

    `preprocess_ms` is decoding, cropping and resizing; `postprocess_ms` softmax where the file
    gives logits, sorting and labelling.
    """

    predictions: tuple[Prediction, ...]
    preprocess_ms: float
    inference_ms: float
    postprocess_ms: float


class Classifier:
    """A `.tflite` classifier of this package, opened on the installed TFLite runtime.

    Everything it needs to know stands in the file: size, crop, resize, labels, kind of scores.

    Args:
        path: the file, as `export` wrote it.
        threads: CPU threads of the runtime.

    Attributes:
        contract: the file's `FileContract`.
        labels: one for each output; `"class 0"`, ... if the file has none.
        runtime: name of the runtime's package.

    Raises:
        FileNotFoundError: no such file.
        ValueError: not a TFLite file, or one without this package's contract.
    """

    def __init__(self, path, threads=1):
        self._interpreter, self.runtime = open_interpreter(path, threads)
        files = packed_files(path)
        if CONTRACT_FILE not in files:
            raise ValueError(
                f"{path} has no keras-mobilevit contract, so its preprocessing is unknown: "
                "export it with `keras-mobilevit export`"
            )
        try:
            self.contract = FileContract.from_json(files[CONTRACT_FILE])
        except ValueError as error:
            raise ValueError(f"{path}: {error}") from error
        self.labels = [f"class {index}" for index in range(self.contract.classes)]
        if self.contract.labels:
            self.labels = files[self.contract.labels].splitlines()
        self._input = self._interpreter.get_input_details()[0]["index"]
        self._output = self._interpreter.get_output_details()[0]["index"]

    def preprocess(self, image):
        """A photo (see `keras_mobilevit.images.load_image`) as pixels `(height, width, 3)`,
        `uint8`, cropped and resized by the file's rule.
        """
        return crop_and_resize(
            load_image(image),
            self.contract.height,
            self.contract.width,
            crop_fraction=self.contract.crop_fraction,
            interpolation=self.contract.interpolation,
        )

    def run(self, pixels):
        """The file's raw scores, `(classes,)` `float32`, for pixels `(height, width, 3)`, 0..255."""
        shape = (self.contract.height, self.contract.width, 3)
        if np.shape(pixels) != shape:
            raise ValueError(f"pixels have shape {np.shape(pixels)}: the file takes {shape}")
        self._interpreter.set_tensor(self._input, np.asarray(pixels, np.float32)[None])
        self._interpreter.invoke()
        return self._interpreter.get_tensor(self._output)[0]

    def classify(self, image, top=5):
        """The `top` classes of one photo, as a `Classification`; `top` above the number of classes
        gives all.
        """
        check_count("top", top)
        start = time.perf_counter()
        pixels = self.preprocess(image)
        preprocessed = time.perf_counter()
        scores = self.run(pixels)
        inferred = time.perf_counter()
        if self.contract.scores == "logits":
            scores = np.exp(scores - scores.max())
            scores /= scores.sum()
        best = np.argsort(-scores, kind="stable")[:top]
        predictions = tuple(Prediction(int(i), self.labels[i], float(scores[i])) for i in best)
        done = time.perf_counter()
        return Classification(
            predictions,
            preprocess_ms=1e3 * (preprocessed - start),
            inference_ms=1e3 * (inferred - preprocessed),
            postprocess_ms=1e3 * (done - inferred),
        )
