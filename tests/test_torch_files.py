import argparse
import json
import os
import pickle
import struct
import sys
import zipfile
from collections import OrderedDict
from pathlib import Path

import numpy as np
import pytest
from conftest import DATA

from keras_mobilevit.weights.torch_files import read_torch, state_dict_of

sys.path.insert(0, str(DATA))
import weight_rule

CHECKPOINTS = DATA / "checkpoints"
SHARED = Path(__file__).parents[2] / "shared/reference/checkpoints"
FORMATS = ["wrapped_zip.pth", "wrapped_legacy.pth"]
START = b"\x80\x02"
# The legacy format opens with three pickles: magic number, version, system.
LEGACY = b"".join(pickle.dumps(x, 2) for x in (0x1950A86A20F9469CFC6C, 1001, {}))
FOUR = np.arange(4, dtype="<f4").tobytes()
WEIGHTS = {"conv.weight": np.zeros(2), "conv.bias": np.ones(2)}
AVERAGE = {"conv.weight": np.full(2, 5.0)}


class Calls:
    """Pickles as a call of `function`."""

    def __init__(self, function, *arguments):
        self.call = function, arguments

    def __reduce__(self):
        return self.call


def plain(value):
    """The opcodes that push a plain value, between a pickle's start and its end."""
    return pickle.dumps(value, 2)[2:-1]


def storage(kind="Float", key="0", count=4, view=b""):
    fields = plain("storage") + f"ctorch\n{kind}Storage\n".encode() + plain(key) + plain("cpu")
    return b"(" + fields + plain(count) + view + b"tQ"


def tensor(size=(4,), stride=(1,), *, offset=0, rest=(False, {}), **described):
    view = plain(offset) + plain(size) + plain(stride) + b"".join(map(plain, rest))
    return b"ctorch._utils\n_rebuild_tensor_v2\n(" + storage(**described) + view + b"tR"


def save_zip(path, opcodes, stored=FOUR, byteorder="little", compression=zipfile.ZIP_STORED):
    with zipfile.ZipFile(path, "w", compression) as archive:
        archive.writestr("any name/data.pkl", START + opcodes + b".")
        archive.writestr("any name/byteorder", byteorder)
        archive.writestr("any name/data/0", stored)
    return path


def save_legacy(path, opcodes, keys=("0",), stored=FOUR, count=4):
    tree = START + opcodes + b"."
    path.write_bytes(LEGACY + tree + pickle.dumps([*keys], 2) + struct.pack("<q", count) + stored)
    return path


@pytest.mark.parametrize("name", FORMATS)
def test_both_formats_give_the_saved_values(name):
    tree = read_torch(CHECKPOINTS / name)
    assert list(tree) == ["model", "epoch", "args"]
    assert (tree["epoch"], tree["args"]) == (3, {"lr": 0.1})
    expected = np.load(CHECKPOINTS / "wrapped_expected.npz")
    assert list(tree["model"]) == list(expected)
    for key, array in tree["model"].items():
        np.testing.assert_array_equal(array, expected[key].astype(array.dtype), strict=True)
    assert tree["model"]["d"].dtype == np.float16
    assert tree["model"]["e"].dtype == np.int64
    tree["model"]["a"][1, 2] = -1  # b is its transpose, c a part of it
    assert tree["model"]["b"][2, 1] == tree["model"]["c"][0, 0] == -1


def test_published_state_dict_is_read():
    path = SHARED / "emo_1m.pth"
    if not path.exists():
        pytest.skip("emo_1m.pth, 5 MB, lies beside the repository only where it was made")
    facts = json.loads((DATA / "reference/EMO_1M.json").read_text())
    state_dict = state_dict_of(read_torch(path))
    assert [[name, list(array.shape)] for name, array in state_dict.items()] == facts["state_dict"]
    expected = weight_rule.make_all(facts["state_dict"], facts["gain"], facts["fixed_buffers"])
    for name, array in expected.items():
        np.testing.assert_array_equal(state_dict[name], array, strict=True)


@pytest.mark.parametrize(
    ("kind", "stored", "expected"),
    [
        ("Float", "<f4", np.array([0, 1, 2, 3], np.float32)),
        ("Double", "<f8", np.array([0, 1, 2, 3], np.float64)),
        ("Half", "<f2", np.array([0, 1, 2, 3], np.float16)),
        ("ComplexFloat", "<c8", np.array([0, 1, 2, 3], np.complex64)),
        ("ComplexDouble", "<c16", np.array([0, 1, 2, 3], np.complex128)),
        ("Long", "<i8", np.array([0, 1, 2, 3], np.int64)),
        ("Int", "<i4", np.array([0, 1, 2, 3], np.int32)),
        ("Short", "<i2", np.array([0, 1, 2, 3], np.int16)),
        ("Char", "i1", np.array([0, 1, 2, 3], np.int8)),
        ("Byte", "u1", np.array([0, 1, 2, 3], np.uint8)),
        ("Bool", "u1", np.array([False, True, True, True])),
    ],
)
def test_every_dtype_in_both_byte_orders(tmp_path, kind, stored, expected):
    values = np.arange(4).astype(stored)
    for byteorder, in_file in (("little", values), ("big", values.byteswap())):
        path = save_zip(tmp_path / "t.pth", tensor(kind=kind), in_file.tobytes(), byteorder)
        np.testing.assert_array_equal(read_torch(path), expected, strict=True)
    path = save_legacy(tmp_path / "t.pth", tensor(kind=kind), stored=values.tobytes())
    np.testing.assert_array_equal(read_torch(path), expected, strict=True)


def test_bfloat16_becomes_float32_in_both_byte_orders(tmp_path):
    for byteorder, stored in (("little", b"\x80\x3f\x20\xc0"), ("big", b"\x3f\x80\xc0\x20")):
        opcodes = tensor((2,), kind="BFloat16", count=2)
        array = read_torch(save_zip(tmp_path / "t.pth", opcodes, stored, byteorder))
        np.testing.assert_array_equal(array, np.array([1, -2.5], np.float32), strict=True)


@pytest.mark.parametrize(
    ("size", "stride", "offset", "expected"),
    [
        ((2, 2), (1, 2), 0, [[0, 2], [1, 3]]),
        ((2,), (2,), 1, [1, 3]),
        ((3, 2), (0, 1), 2, [[2, 3], [2, 3], [2, 3]]),  # expand
        ((3, 2), (1, 1), 0, [[0, 1], [1, 2], [2, 3]]),  # unfold
        ((1, 2), (2**62, 1), 0, [[0, 1]]),
        ((), (), 3, 3),
        ((0, 3), (3, 1), 0, np.zeros((0, 3))),
        ((0,), (1,), 99, np.zeros(0)),
    ],
)
def test_views(tmp_path, size, stride, offset, expected):
    array = read_torch(save_zip(tmp_path / "t.pth", tensor(size, stride, offset=offset)))
    np.testing.assert_array_equal(array, np.asarray(expected, np.float32), strict=True)


@pytest.mark.parametrize(
    ("size", "stride", "offset"),
    [
        ((4,), (1,), 1),
        ((2,), (4,), 0),
        ((5,), (1,), 0),
        ((2, 2), (3, 1), 0),
        ((), (), 4),
        ((4,), (1,), -1),
        ((2,), (-1,), 3),
        ((-1, -4), (1, 1), 0),
        ((2,), (2**63 - 1,), 0),
        ((2,), (2**64,), 0),
        ((2**40,), (0,), 0),
        ((2**62, 2**62), (0, 0), 0),
        ((0, 2**62, 2**62), (0, 0, 0), 0),
        ((2.0,), (1,), 0),
        ((2,), (1, 1), 0),
        ((1,) * 70, (1,) * 70, 0),
        ("22", "11", 0),
        (4, 1, 0),
    ],
)
@pytest.mark.parametrize("save", [save_zip, save_legacy])
def test_views_outside_their_storage_are_refused(tmp_path, save, size, stride, offset):
    path = save(tmp_path / "t.pth", tensor(size, stride, offset=offset))
    with pytest.raises(ValueError, match=str(path)):
        read_torch(path)


def test_legacy_views_of_a_storage(tmp_path):
    opcodes = tensor((2,), view=plain(("view", 1, 2)))
    np.testing.assert_array_equal(read_torch(save_legacy(tmp_path / "t.pth", opcodes)), [1, 2])
    for view in (("view", 1, 4), ("view", -1, 2), ("view", 5, -2), ("view", 2**70, 2)):
        path = save_legacy(tmp_path / "t.pth", tensor((2,), view=plain(view)))
        with pytest.raises(ValueError, match="a view reaches outside storage 0 of 4 values"):
            read_torch(path)


@pytest.mark.parametrize("count", [-1, 3, 5, 2**40, 2**70, "4", None])
@pytest.mark.parametrize("save", [save_zip, save_legacy])
def test_storages_of_another_size_are_refused(tmp_path, save, count):
    with pytest.raises(ValueError, match="storage"):
        read_torch(save(tmp_path / "t.pth", tensor((1,), count=count)))


@pytest.mark.parametrize("wrong", [{"keys": ()}, {"keys": "00"}, {"keys": "01"}, {"count": 3}])
def test_legacy_lists_of_other_storages_are_refused(tmp_path, wrong):
    with pytest.raises(ValueError, match="storage"):
        read_torch(save_legacy(tmp_path / "t.pth", tensor(), **wrong))


def test_storages_larger_than_the_file_are_not_allocated(tmp_path):
    many = b"(" + b"".join(storage(key=str(key), count=30) for key in range(2000)) + b"t"
    with pytest.raises(ValueError, match="does not fit into the file"):
        read_torch(save_legacy(tmp_path / "t.pth", many))


def test_parameters_and_plain_containers(tmp_path):
    parameter = b"ctorch._utils\n_rebuild_parameter\n(" + tensor() + b"\x88}tR"
    old = b"ctorch._utils\n_rebuild_tensor\n(" + storage() + b"K\x00K\x04\x85K\x01\x85tR"
    size = b"ctorch\nSize\n" + plain(((2, 3),)) + b"R"
    for save in (save_zip, save_legacy):
        first, second, third = read_torch(
            save(tmp_path / "t.pth", parameter + old + size + b"\x87")
        )
        np.testing.assert_array_equal(first, [0, 1, 2, 3])
        assert np.shares_memory(first, second)
        assert third == (2, 3)
    state = OrderedDict(a=[None, True, (1.5, b"x", "é")], b={1: 2**80})
    state._metadata = OrderedDict(version=1)  # as `state_dict()` attaches it
    for protocol in (2, 3, 4, 5):
        pickled = pickle.dumps(state, protocol)
        if protocol > 2:
            assert read_torch(save_zip(tmp_path / "t.pth", pickled[2:-1])) == state
        else:
            with pytest.raises(ValueError, match=r"_codecs\.encode"):  # how protocol 2 has bytes
                read_torch(save_zip(tmp_path / "t.pth", pickled[2:-1]))
    assert read_torch(save_zip(tmp_path / "t.pth", plain(state["b"]))) == state["b"]


def test_refused_file_names_the_function_and_calls_nothing(monkeypatch):
    def called(*arguments):
        raise AssertionError(f"os.getenv was called with {arguments}")

    monkeypatch.setattr(os, "getenv", called)
    path = CHECKPOINTS / "refused.pth"
    with pytest.raises(ValueError, match=r"os\.getenv") as refusal:
        read_torch(path)
    assert str(path) in str(refusal.value)
    assert "torch.save(model.state_dict(), path)" in str(refusal.value)
    with pytest.raises(AssertionError, match="HOME"), zipfile.ZipFile(path) as archive:
        pickle.loads(archive.read("refused/data.pkl"))  # so the file would have called it


@pytest.mark.parametrize("protocol", range(1, 6))
@pytest.mark.parametrize("save", [save_zip, save_legacy])
def test_calls_are_not_made_and_modules_not_imported(tmp_path, save, protocol):
    made = tmp_path / "made"
    call = pickle.dumps({"model": Calls(os.mkdir, str(made))}, protocol)
    with pytest.raises(ValueError, match=r"it holds \w+\.mkdir,"):
        read_torch(save(tmp_path / "t.pth", call[2 if protocol > 1 else 0 : -1]))
    with pytest.raises(ValueError, match=r"it holds this\.s,"):
        read_torch(save(tmp_path / "t.pth", b"cthis\ns\n"))
    assert not made.exists()
    assert "this" not in sys.modules
    pickle.loads(call)
    assert made.exists()


@pytest.mark.parametrize(
    ("opcodes", "said"),
    [
        (
            plain({"model": {}, "args": argparse.Namespace(lr=1)}),
            r"argparse\.Namespace",
        ),
        (pickle.dumps({"args": argparse.Namespace(lr=1)}, 4)[2:-1], r"argparse\.Namespace"),
        (pickle.dumps({"model": {}}, 0)[:-1], "DICT"),
        (plain({"best": np.float64(0.5)}), "scalar"),
        (plain({"file": Path("x")}), "Path"),
        (b"(ios\nsystem\n", "INST os system"),
        (b"\x82\x01", "EXT1"),
        (b"\x83\x01\x00", "EXT2"),
        (b"\x84\x01\x00\x00\x00", "EXT4"),
        (b"ccollections\nOrderedDict\n)\x81", "NEWOBJ"),
        (b"(ccollections\nOrderedDict\no", "OBJ"),
        (b"\x8f", "EMPTY_SET"),
        (b"P0\n", "PERSID"),
        (b"ctorch\nUntypedStorage\n", r"torch\.UntypedStorage"),
        (b"ctorch._utils\n_rebuild_sparse_tensor\n", "_rebuild_sparse_tensor"),
        (b"ctorch._utils\n__builtins__\n", r"_utils\.__builtins__"),
        (tensor(rest=(False, {}, {"neg": True})), "negation"),
    ],
)
def test_everything_but_tensors_and_plain_containers_is_refused(tmp_path, opcodes, said):
    path = save_zip(tmp_path / "t.pth", opcodes)
    with pytest.raises(ValueError, match=said) as refusal:
        read_torch(path)
    assert str(path) in str(refusal.value)
    assert "torch.save(model.state_dict(), path)" in str(refusal.value)


@pytest.mark.parametrize(
    "opcodes",
    [
        b"",
        b"0",
        b"t",
        b"h\x07",
        b"\x93",
        b"K\x01K\x02R",
        b"ctorch\nFloatStorage\n)R",
        b"ctorch\nSize\nK\x01\x85R",
        b"ccollections\nOrderedDict\nK\x01\x85R",
        b"]K\x01K\x02s",
        b"}K\x01a",
        b"}(K\x01u",
        b"}))K\x01\x85\x85K\x02s",
        b"}]K\x02s",
        tensor() + b"K\x00K\x01s",
        b"ctorch._utils\n_rebuild_tensor_v2\n)R",
        b"ctorch._utils\n_rebuild_tensor\n(" + tensor() + b"]]]tR",
        plain(("storage", "Float", "0", "cpu", 4)) + b"Q",
        plain("storage") + b"Q",
        tensor(key="1"),
        tensor(key="../data.pkl"),
        b"r\xff\xff\xff\xff",
        b"X\xff\xff\xff\x7fabc",
        b"\x8d" + b"\xff" * 8,
        b"\x8b\xff\xff\xff\x7f",
        b"X\x01\x00\x00\x00\xff",
        b"c\\S\n\\S\n",
        b"(" * 10000,
    ],
)
def test_damaged_pickles_are_refused(tmp_path, opcodes):
    path = save_zip(tmp_path / "t.pth", opcodes)
    with pytest.raises(ValueError, match=str(path)):
        read_torch(path)


@pytest.mark.parametrize("name", [*FORMATS, "refused.pth"])
def test_cut_files_are_refused(tmp_path, name):
    content = (CHECKPOINTS / name).read_bytes()
    path = tmp_path / "cut.pth"
    for end in (*range(0, len(content), 11), len(content) - 1):
        path.write_bytes(content[:end])
        with pytest.raises(ValueError, match=str(path)):
            read_torch(path)


@pytest.mark.parametrize("name", FORMATS)
def test_damaged_files_are_refused_or_read(tmp_path, name):
    content = (CHECKPOINTS / name).read_bytes()
    path = tmp_path / "damaged.pth"
    refused = 0
    for position in range(0, len(content), 5):
        path.write_bytes(content[:position] + b"\xff" + content[position + 1 :])
        try:
            read_torch(path)
        except ValueError as error:
            assert str(path) in str(error)
            refused += 1
    assert refused > 50


def test_files_that_are_no_checkpoints_are_refused(tmp_path):
    (tmp_path / "empty.pth").touch()
    (tmp_path / "text.pth").write_text("hello\n" * 100)
    (tmp_path / "bare.pth").write_bytes(pickle.dumps({"model": {}}))
    (tmp_path / "version.pth").write_bytes(LEGACY.replace(b"M\xe9\x03", b"M\xe8\x03") + LEGACY)
    with zipfile.ZipFile(tmp_path / "other.pth", "w") as archive:
        archive.writestr("words.txt", "hello")
    with pytest.raises(FileNotFoundError, match=r"nowhere\.pth: no such file"):
        read_torch(tmp_path / "nowhere.pth")
    for name in ("empty.pth", "text.pth", "bare.pth", "version.pth", "other.pth", "."):
        with pytest.raises(ValueError, match=str(tmp_path / name)):
            read_torch(str(tmp_path / name))


def test_compressed_records_are_refused(tmp_path):
    path = save_zip(tmp_path / "t.pth", tensor(), compression=zipfile.ZIP_DEFLATED)
    with pytest.raises(ValueError, match=r"any name/byteorder is compressed"):
        read_torch(path)


def test_byte_order_must_be_known(tmp_path):
    with pytest.raises(ValueError, match="middle"):
        read_torch(save_zip(tmp_path / "t.pth", tensor(), byteorder="middle"))


@pytest.mark.parametrize(
    "tree",
    [
        WEIGHTS,
        {"state_dict": WEIGHTS},
        {"model": WEIGHTS, "epoch": 3, "optimizer": {"state": {}}},
        {"model_state_dict": WEIGHTS},
        {"state_dict_ema": AVERAGE, "state_dict": WEIGHTS},
        {"model_ema": AVERAGE, "model": WEIGHTS},
        {"model": "emo_1m", "model_ema": WEIGHTS},
        {"state_dict_ema": WEIGHTS},
        {"model": {f"module.{name}": array for name, array in WEIGHTS.items()}},
        {f"module.{name}": array for name, array in WEIGHTS.items()},
    ],
)
def test_state_dict_is_found(tree):
    state_dict = state_dict_of(tree)
    assert list(state_dict) == list(WEIGHTS)
    assert all(state_dict[name] is WEIGHTS[name] for name in WEIGHTS)


def test_prefix_of_some_names_is_kept():
    tree = {"module.weight": np.zeros(1), "head.weight": np.zeros(1)}
    assert state_dict_of(tree) is tree


@pytest.mark.parametrize(
    ("tree", "said"),
    [
        ({"network": WEIGHTS, "epoch": 3}, r"\['network', 'epoch'\]"),
        ({"model": {}}, r"\['model'\]"),
        ({"model": {"weight": 1.0}}, r"\['model'\]"),
        ({"model": {1: np.zeros(1)}}, r"\['model'\]"),
        ({}, "a dict without keys"),
        ([WEIGHTS], "a list"),
        (np.zeros(3), "a ndarray"),
        (None, "a NoneType"),
    ],
)
def test_trees_without_a_state_dict_are_refused(tree, said):
    with pytest.raises(ValueError, match=said):
        state_dict_of(tree)
