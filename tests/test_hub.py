"""The real hub client against a server on loopback, in processes of their own."""

import hashlib
import http.server
import json
import os
import subprocess
import sys
import threading

import numpy as np
import pytest
from safetensors.numpy import save
from test_parity import weights_of

from keras_mobilevit.models import create_model
from keras_mobilevit.weights.imagenet import decode_predictions, imagenet_classes
from keras_mobilevit.weights.published import PUBLISHED, published_weights

FILE = "/timm/mobilevit_xxs.cvnets_in1k/resolve/main/model.safetensors"
COMMIT = "0" * 40


@pytest.fixture
def hub():
    """The address of a hub that has one checkpoint in timm's layout, and the paths asked for."""
    content = save(weights_of("mobilevit_xxs"))
    asked = []

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_HEAD(self):
            self.respond(b"")

        def do_GET(self):
            self.respond(content)

        def respond(self, body):
            asked.append((self.command, self.path))
            found = self.path == FILE
            self.send_response(200 if found else 404)
            if found:
                self.send_header("X-Repo-Commit", COMMIT)
                self.send_header("ETag", f'"{hashlib.sha256(content).hexdigest()}"')
                self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            if found:
                self.wfile.write(body)

        def log_message(self, *arguments):
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_address[1]}", asked
    server.shutdown()
    server.server_close()
    thread.join()


def python(code, folder, endpoint, **environment):
    return subprocess.run(
        [sys.executable, "-c", code],
        env={
            **os.environ,
            "HF_ENDPOINT": endpoint,
            "HF_HUB_DISABLE_XET": "1",
            "HF_HOME": str(folder / "huggingface"),
            "KERAS_HOME": str(folder / "keras"),
            **environment,
        },
        capture_output=True,
        text=True,
        check=False,
    )


LOAD = """
import numpy as np, keras_mobilevit, json, sys
from keras_mobilevit.layers.input_contract import model_contract
model = keras_mobilevit.MobileViTXXS(weights="imagenet", input_shape=(32, 32, 3), **ARGUMENTS)
contract = model_contract(model)
print(json.dumps([
    contract.weights,
    contract.preprocessing.crop_fraction,
    float(np.abs(model.get_layer("stem_conv").kernel).sum()),
]))
"""


def test_weights_are_downloaded_checked_converted_once_and_cached(hub, tmp_path):
    endpoint, asked = hub
    first = python(LOAD.replace("ARGUMENTS", "{}"), tmp_path, endpoint)
    assert first.returncode == 0, first.stderr
    name, crop, total = json.loads(first.stdout)
    assert (name, crop) == ("mobilevit_xxs.cvnets_in1k", 0.9)
    assert total == pytest.approx(
        np.abs(weights_of("mobilevit_xxs")["stem.conv.weight"]).sum(), 1e-5
    )
    assert ("GET", FILE) in asked
    asked.clear()
    # The converted file serves the body alone as well, and asks nobody.
    again = python(LOAD.replace("ARGUMENTS", "{'include_top': False}"), tmp_path, endpoint)
    assert again.returncode == 0, again.stderr
    assert json.loads(again.stdout)[2] == total
    assert asked == []
    # A damaged download is never converted.
    for converted in (tmp_path / "keras").rglob("*.safetensors"):
        converted.unlink()
    (blob,) = (tmp_path / "huggingface").rglob("blobs/*")
    blob.write_bytes(blob.read_bytes()[:-1] + b"!")
    damaged = python(LOAD.replace("ARGUMENTS", "{}"), tmp_path, endpoint)
    assert "is damaged: delete it" in damaged.stderr.strip().splitlines()[-1]


def test_offline_without_a_cache_says_what_to_do(tmp_path):
    code = LOAD.replace("ARGUMENTS", "{}")
    for environment in ({}, {"HF_HUB_OFFLINE": "1"}):
        failed = python(code, tmp_path, "http://127.0.0.1:9", **environment)
        assert failed.returncode != 0
        last = failed.stderr.strip().splitlines()[-1]
        assert "DownloadError: weights mobilevit_xxs.cvnets_in1k can not be downloaded" in last
        assert "load_checkpoint" in last
    assert not list((tmp_path / "keras").rglob("*.safetensors"))


@pytest.mark.parametrize(
    ("preset", "name", "said"),
    [
        ("mobilevit_s", "imagenet21k", "mobilevit_s.cvnets_in1k"),
        ("mobilevit_s", "mobilevit_xs.cvnets_in1k", "mobilevit_s.cvnets_in1k"),
        ("ghostnet_050", "imagenet", "width 1.0 only"),
        ("mocovit_100", "imagenet", "the authors published none"),
        ("emo_1m", "imagenet", "github.com/zhangzjn/EMO"),
        ("cas_vit_xs", "imagenet", "github.com/Tianfang-Zhang/CAS-ViT"),
    ],
)
def test_unpublished_weights_say_what_there_is(preset, name, said):
    with pytest.raises(ValueError, match=said):
        create_model(preset, weights=name)


def test_classes_must_be_those_of_the_weights():
    with pytest.raises(ValueError, match="classes=5"):
        create_model("mobilevit_xxs", weights="imagenet", classes=5)


def test_table_of_published_weights():
    assert published_weights("mobilevitv2_150", "imagenet").tag == "cvnets_in1k"
    fine_tuned = published_weights("mobilevitv2_150", "cvnets_in22k_ft_in1k_384")
    assert (fine_tuned.input_size, fine_tuned.preprocessing.crop_fraction) == (384, 1.0)
    assert fine_tuned.repository == "timm/mobilevitv2_150.cvnets_in22k_ft_in1k_384"
    assert len({row.name for row in PUBLISHED}) == len(PUBLISHED)


def test_predictions_are_named():
    scores = np.zeros((1, 1000))
    scores[0, 1], scores[0, 0] = 0.7, 0.2
    assert decode_predictions(scores, top=2) == [
        [("n01443537", "goldfish", 0.7), ("n01440764", "tench", 0.2)]
    ]
    assert len(set(imagenet_classes())) == 1000
    with pytest.raises(ValueError, match="shape"):
        decode_predictions(scores[0])
    with pytest.raises(ValueError, match="top"):
        decode_predictions(scores, top=0)
