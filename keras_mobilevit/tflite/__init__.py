"""From a Keras model to a `.tflite` that says what it expects, and back to labelled results."""

from keras_mobilevit.tflite.benchmark import Timing, benchmark
from keras_mobilevit.tflite.export import ExportRecord, export
from keras_mobilevit.tflite.inspection import FileReport, inspect_file
from keras_mobilevit.tflite.runtime import Classification, Classifier, Prediction

__all__ = [
    "Classification",
    "Classifier",
    "ExportRecord",
    "FileReport",
    "Prediction",
    "Timing",
    "benchmark",
    "export",
    "inspect_file",
]
