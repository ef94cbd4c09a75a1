import importlib
import sys

import numpy as np
import pytest
from PIL import Image

from keras_mobilevit.errors import MissingDependencyError
from keras_mobilevit.tflite import Classifier, benchmark, export
from keras_mobilevit.tflite.interpreter import runtime_module


def test_results_are_labelled_and_sorted(exported, cat):
    result = Classifier(exported[0], threads=2).classify(cat, top=3)
    scores = [prediction.score for prediction in result.predictions]
    assert len(scores) == 3
    assert scores == sorted(scores, reverse=True)
    assert all(p.label == Classifier(exported[0]).labels[p.index] for p in result.predictions)
    assert min(result.preprocess_ms, result.inference_ms, result.postprocess_ms) > 0


def test_path_picture_and_array_give_the_same(exported, cat):
    classifier = Classifier(exported[0])
    by_path = classifier.classify(cat).predictions
    assert classifier.classify(Image.open(cat)).predictions == by_path
    assert classifier.classify(np.asarray(Image.open(cat))).predictions == by_path


def test_logits_become_probabilities(exported, tmp_path, cat):
    path, model, _ = exported
    import keras

    classifier = model.get_layer("classifier")
    logits = keras.layers.Dense(5, name="logits")
    twin = keras.Model(model.input, logits(classifier.input))
    logits.set_weights(classifier.get_weights())
    export(twin, tmp_path / "logits.tflite")
    assert Classifier(tmp_path / "logits.tflite").contract.scores == "logits"
    ours = Classifier(tmp_path / "logits.tflite").classify(cat).predictions
    expected = Classifier(path).classify(cat).predictions
    assert [p.index for p in ours] == [p.index for p in expected]
    np.testing.assert_allclose([p.score for p in ours], [p.score for p in expected], atol=1e-5)
    assert ours[0].label == f"class {ours[0].index}"


def test_wrong_arguments_are_named(exported, cat):
    with pytest.raises(ValueError, match="threads"):
        Classifier(exported[0], threads=0)
    with pytest.raises(ValueError, match="top"):
        Classifier(exported[0]).classify(cat, top=0)
    with pytest.raises(ValueError, match="pixels"):
        Classifier(exported[0]).run(np.zeros((32, 32, 3)))


def test_files_that_are_no_models_are_refused(exported, tmp_path, cat):
    truncated = tmp_path / "cut.tflite"
    truncated.write_bytes(exported[0].read_bytes()[:3000])
    (tmp_path / "empty.tflite").touch()
    with pytest.raises(FileNotFoundError, match="nowhere"):
        Classifier(tmp_path / "nowhere.tflite")
    for path in (truncated, tmp_path / "empty.tflite", tmp_path, cat):
        with pytest.raises(ValueError, match=str(path)):
            Classifier(path)


def test_file_without_contract_is_refused(exported, tmp_path):
    content = exported[0].read_bytes()
    bare = tmp_path / "bare.tflite"
    bare.write_bytes(content[: content.index(b"PK\x03\x04")])
    with pytest.raises(ValueError, match="no keras-mobilevit contract"):
        Classifier(bare)


def test_runtimes_are_tried_in_order(monkeypatch):
    assert runtime_module().__name__ == "ai_edge_litert.interpreter"
    monkeypatch.setitem(sys.modules, "ai_edge_litert.interpreter", None)
    monkeypatch.setitem(sys.modules, "tflite_runtime.interpreter", None)
    assert runtime_module() is importlib.import_module("tensorflow.lite")
    monkeypatch.setitem(sys.modules, "tensorflow.lite", None)
    with pytest.raises(MissingDependencyError, match=r"keras-mobilevit\[tflite\]"):
        runtime_module()


def test_benchmark_takes_turns_against_the_first(exported):
    first, second = benchmark([exported[0], exported[0]], runs=5)
    assert first.ratio == 1
    assert second.ratio == second.median_ms / first.median_ms
    assert first.minimum_ms <= first.median_ms <= first.p90_ms
    with pytest.raises(ValueError, match="runs"):
        benchmark([exported[0]], runs=0)
