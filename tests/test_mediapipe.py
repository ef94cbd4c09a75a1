"""The metadata is standard if a client that knows nothing of us reads it."""

import warnings

import numpy as np
import pytest

from keras_mobilevit.tflite import Classifier

with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    mediapipe = pytest.importorskip("mediapipe", reason="the test extra brings MediaPipe")
    from mediapipe.tasks.metadata import metadata_schema_py_generated as schema
    from mediapipe.tasks.python import BaseOptions, vision

SCORE_TOLERANCE = 1e-3


def test_image_classifier_gives_our_top_five(exported, cat):
    path, _, _ = exported
    ours = Classifier(path)
    # Handed pixels of the model's size, MediaPipe does not resize by a rule of its own.
    image = mediapipe.Image(mediapipe.ImageFormat.SRGB, np.ascontiguousarray(ours.preprocess(cat)))
    options = vision.ImageClassifierOptions(BaseOptions(model_asset_path=str(path)), max_results=5)
    with vision.ImageClassifier.create_from_options(options) as theirs:
        categories = theirs.classify(image).classifications[0].categories
    expected = ours.classify(cat).predictions
    assert [c.category_name for c in categories] == [p.label for p in expected]
    np.testing.assert_allclose(
        [c.score for c in categories], [p.score for p in expected], atol=SCORE_TOLERANCE
    )


def test_official_schema_reads_every_field(exported):
    path, model, _ = exported
    metadata = schema.ModelMetadataT.InitFromPackedBuf(metadata_buffer(path), 0)
    assert metadata.name.decode() == model.name
    assert "labels mean nothing" in metadata.description.decode()
    assert metadata.associatedFiles[0].name == b"keras_mobilevit.json"
    graph = metadata.subgraphMetadata[0]
    image, scores = graph.inputTensorMetadata[0], graph.outputTensorMetadata[0]
    properties = image.content.contentProperties
    assert properties.colorSpace == schema.ColorSpaceType.RGB
    assert (properties.defaultSize.height, properties.defaultSize.width) == (64, 96)
    normalization = image.processUnits[0].options
    assert isinstance(normalization, schema.NormalizationOptionsT)
    assert (list(normalization.mean), list(normalization.std)) == ([0], [1])
    assert (list(image.stats.min), list(image.stats.max)) == ([0], [255])
    assert isinstance(scores.content.contentProperties, schema.FeaturePropertiesT)
    labels = scores.associatedFiles[0]
    assert (labels.name, labels.type) == (
        b"labels.txt",
        schema.AssociatedFileType.TENSOR_AXIS_LABELS,
    )


def metadata_buffer(path):
    from tensorflow.lite.python import schema_py_generated

    model = schema_py_generated.ModelT.InitFromPackedBuf(path.read_bytes(), 0)
    (entry,) = (entry for entry in model.metadata if entry.name == b"TFLITE_METADATA")
    return bytes(model.buffers[entry.buffer].data)
