"""What an import costs, and what it must not drag in; each in an interpreter of its own."""

import os
import subprocess
import sys

import pytest
from conftest import every_family

HEAVY = ("keras", "tensorflow", "jax", "ai_edge_litert", "matplotlib", "huggingface_hub", "typer")


def python(code, **environment):
    result = subprocess.run(
        [sys.executable, "-c", code],
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        check=False,
    )
    assert result.returncode == 0, result.stderr
    return result.stdout.split()


def test_import_is_light():
    code = f"import sys, keras_mobilevit; print(*({HEAVY!r} & sys.modules.keys()))"
    assert python(code.replace(repr(HEAVY), repr(set(HEAVY)))) == []


def test_runtime_needs_no_keras():
    code = "import sys, keras_mobilevit.tflite.runtime; print(*({'keras', 'tensorflow'} & sys.modules.keys()))"
    assert python(code) == []


def test_importing_us_after_keras_is_enough_to_load_a_saved_model(tmp_path):
    python(
        "import keras_mobilevit;"
        f"keras_mobilevit.MoCoViT(0.5, input_shape=(32, 32, 3)).save({str(tmp_path / 'a.keras')!r})"
    )
    python(f"import keras, keras_mobilevit;keras.models.load_model({str(tmp_path / 'a.keras')!r})")


@pytest.mark.slow
@every_family
def test_families_build_and_train_on_jax(name):
    code = f"""
import keras, numpy as np, keras_mobilevit
assert keras.backend.backend() == "jax"
model = keras_mobilevit.create_model({name!r}, input_shape=(96, 64, 3), classes=2)
model.compile(keras.optimizers.SGD(0.01), "sparse_categorical_crossentropy")
x = np.random.default_rng(0).normal(size=(4, 96, 64, 3)).astype("float32")
loss = model.fit(x, np.arange(4) % 2, epochs=3, verbose=0).history["loss"]
print(np.isfinite(loss).all() and loss[-1] < loss[0])
"""
    assert python(code, KERAS_BACKEND="jax") == ["True"]
