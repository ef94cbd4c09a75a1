"""PyTorch checkpoint files without PyTorch: tensors and plain containers, and nothing else.

A checkpoint is a pickle, and a pickle names the functions that unpickling calls. So none of Python's
unpicklers is used: `_unpickle` runs the few opcodes that `torch.save` needs on plain data, and looks
up the names it meets in tables of this file. No name is ever imported.

The formats are those of PyTorch's `torch/serialization.py` and `torch/_utils.py`: a zip file with
FOLDER/data.pkl and the record FOLDER/data/KEY for each storage (PyTorch 1.6 and later), and the
legacy format, five pickles in a row with the storages behind them.
"""

import io
import math
import pickletools
import struct
import sys
import zipfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np

_MEND = (
    "if you trust the file, load it once with PyTorch and save the weights alone, with "
    "torch.save(model.state_dict(), path) or as .safetensors"
)

# dtype in the file, dtype of the array. NumPy has no bfloat16, the upper half of a float32.
_DTYPES = {
    "Float": ("f4", "f4"),
    "Double": ("f8", "f8"),
    "Half": ("f2", "f2"),
    "BFloat16": ("u2", "f4"),
    "ComplexFloat": ("c8", "c8"),
    "ComplexDouble": ("c16", "c16"),
    "Long": ("i8", "i8"),
    "Int": ("i4", "i4"),
    "Short": ("i2", "i2"),
    "Char": ("i1", "i1"),
    "Byte": ("u1", "u1"),
    "Bool": ("u1", "?"),
}
_STORAGES = {
    f"{module}.{kind}Storage": dtypes
    for module in ("torch", "torch.cuda")
    for kind, dtypes in _DTYPES.items()
}
_BYTE_ORDERS = {b"little": "<", b"big": ">"}

_MAGIC = 0x1950A86A20F9469CFC6C  # the first pickle of the legacy format; the second is its version
_VERSION = 1001

# A tensor may repeat the values of its storage, as `expand` does, up to this many.
_MOST_REPEATED = 2**20

# Where authors put the state dict. Weights come before their moving average.
_WRAPPERS = ("state_dict", "model_state_dict", "model", "state_dict_ema", "model_ema")
_PARALLEL = "module."  # DataParallel's prefix of every name

# What the opcodes of plain data push, and how many items they take (None: all since the last MARK).
_CARRIED = {"BININT", "BININT1", "BININT2", "LONG1", "LONG4", "BINFLOAT", "BINSTRING"}
_CARRIED |= {"SHORT_BINSTRING", "BINUNICODE", "SHORT_BINUNICODE", "BINUNICODE8"}
_CARRIED |= {"BINBYTES", "SHORT_BINBYTES", "BINBYTES8"}
_CONSTANTS = {"NONE": None, "NEWTRUE": True, "NEWFALSE": False, "EMPTY_TUPLE": ()}
_NEW = {"EMPTY_DICT": dict, "EMPTY_LIST": list}
_TAKEN = {"TUPLE": None, "TUPLE1": 1, "TUPLE2": 2, "TUPLE3": 3, "APPEND": 1, "APPENDS": None}
_TAKEN |= {"SETITEM": 2, "SETITEMS": None, "STACK_GLOBAL": 2, "REDUCE": 2, "BINPERSID": 1}
_TAKEN |= {"BUILD": 1, "STOP": 1}

# What a damaged pickle or zip file makes the code below raise, besides ValueError; warnings where
# they are errors.
_DAMAGE = (ArithmeticError, AttributeError, EOFError, LookupError, RuntimeError, TypeError)
_DAMAGE = (*_DAMAGE, struct.error, zipfile.BadZipFile, Warning)


@dataclass(frozen=True)
class _Global:
    """The name of something that a pickle refers to."""

    name: str


def read_torch(path):
    """What `torch.save` wrote to a file, tensors as NumPy arrays.

    Args:
        path: a `.pth`, `.pt` or `.bin` file in the zip or the legacy format.

    Returns:
        The saved tree: dicts (an `OrderedDict` too), lists, tuples (a `torch.Size` too), strings,
        bytes, numbers, None. A tensor or a parameter is an array of its own shape and dtype, except
        that bfloat16 is widened to `float32`; tensors that shared a storage share memory.

    Raises:
        FileNotFoundError: no such file.
        ValueError: the file is of neither format, is damaged, or holds anything else, such as an
            `argparse.Namespace` or a whole model. That is refused by its name; nothing is run.
    """
    path = Path(path)
    if not path.exists():
        raise FileNotFoundError(f"{path}: no such file")
    if path.is_dir():
        raise ValueError(f"{path} is a folder: name a PyTorch checkpoint file")
    content = path.read_bytes()
    try:
        return _read_zip(content) if content.startswith(b"PK\x03\x04") else _read_legacy(content)
    except ValueError as error:
        raise ValueError(f"{path} can not be read as a PyTorch checkpoint: {error}") from error
    except _DAMAGE as error:
        raise ValueError(f"{path} is cut or damaged: {error!r}") from error


def state_dict_of(tree):
    """The state dict `{name: array}` in what `read_torch` returned.

    That is the tree itself, or its entry `state_dict`, `model_state_dict`, `model`, or, if there is
    none of these, the moving average `state_dict_ema` or `model_ema`. The prefix `module.` is
    stripped if every name has it. Raises ValueError naming the keys if there is no state dict.
    """
    wrapped = tree if isinstance(tree, dict) else {}
    for candidate in (tree, *(wrapped.get(key) for key in _WRAPPERS)):
        if _is_state_dict(candidate):
            if all(name.startswith(_PARALLEL) for name in candidate):
                return {name.removeprefix(_PARALLEL): a for name, a in candidate.items()}
            return candidate
    held = f"the keys {list(wrapped)[:20]}" if wrapped else f"a {type(tree).__name__} without keys"
    raise ValueError(
        f"no state dict found: the checkpoint has {held}; expected names of arrays, or such a dict "
        f"under one of {', '.join(_WRAPPERS)}"
    )


def _is_state_dict(tree):
    return (
        isinstance(tree, dict)
        and len(tree) > 0
        and all(isinstance(name, str) for name in tree)
        and all(isinstance(array, np.ndarray) for array in tree.values())
    )


def _read_zip(content):
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        records = archive.namelist()
        pickles = [name for name in records if name.endswith("/data.pkl")]
        if len(pickles) != 1:
            raise ValueError("it is a zip file without the one data.pkl of torch.save")
        folder = pickles[0].removesuffix("/data.pkl")
        order = b"little"
        if f"{folder}/byteorder" in records:
            order = _record(archive, f"{folder}/byteorder")
        storages = {}

        def load_storage(persistent_id):
            kind, key, count, _ = _storage_id(persistent_id)
            if (kind, key) not in storages:
                stored = _record(archive, f"{folder}/data/{key}")
                storages[kind, key] = _decoded(stored, kind, _BYTE_ORDERS[order])
            if storages[kind, key].size != count:
                raise ValueError(f"storage {key} does not have {count} values")
            return storages[kind, key]

        return _unpickle(io.BytesIO(_record(archive, pickles[0])), load_storage)


def _record(archive, name):
    if archive.getinfo(name).compress_type != zipfile.ZIP_STORED:
        raise ValueError(f"its record {name} is compressed, which torch.save never does")
    return archive.read(name)


def _read_legacy(content):
    if _MAGIC.to_bytes(10, "little") not in content[:32]:
        raise ValueError("it has neither of the formats of torch.save, zip and legacy")
    file = io.BytesIO(content)
    storages = {}
    unclaimed = len(content)

    def load_storage(persistent_id):
        """Zeros, which the storage's values replace once the pickles are read."""
        nonlocal unclaimed
        kind, key, count, view = _storage_id(persistent_id)
        if key not in storages:
            unclaimed -= count * np.dtype(_STORAGES[kind][0]).itemsize
            if unclaimed < 0:
                raise ValueError(f"storage {key} of {count} values does not fit into the file")
            storages[key] = kind, np.zeros(count, _STORAGES[kind][1])
        if storages[key][0] != kind or storages[key][1].size != count:
            raise ValueError(f"storage {key} is described in two ways")
        _, start, size = view or (None, 0, count)
        if start < 0 or size < 0 or start + size > count:
            raise ValueError(f"a view reaches outside storage {key} of {count} values")
        return storages[key][1][start : start + size]

    magic, version, _, tree, keys = (_unpickle(file, load_storage) for _ in range(5))
    if (magic, version) != (_MAGIC, _VERSION):
        raise ValueError("its version of the legacy format is unknown")
    if sorted(keys) != sorted(storages):
        raise ValueError("its list of storages is not that of its tensors")
    for key in keys:
        kind, array = storages[key]
        (count,) = struct.unpack("<q", file.read(8))
        stored = file.read(array.size * np.dtype(_STORAGES[kind][0]).itemsize)
        values = _decoded(stored, kind, "<")
        if not count == values.size == array.size:
            raise ValueError(f"storage {key} does not have {array.size} values")
        array[:] = values
    return tree


def _storage_id(persistent_id):
    """Its dtype's name, its key, its number of values, and the legacy view `(key, start, size)`."""
    match persistent_id:
        case ("storage", _Global(kind), str(key), _, int(count), *view):
            if kind in _STORAGES and count >= 0:
                return kind, key, count, view[0] if view else None
    raise ValueError("a tensor's storage is not described as torch.save does")


def _decoded(stored, kind, order):
    in_file, in_memory = _STORAGES[kind]
    values = np.frombuffer(bytearray(stored), np.dtype(in_file).newbyteorder(order))
    if kind.endswith(".BFloat16Storage"):
        return (values.astype(np.uint32) << 16).view(np.float32)
    return values.astype(in_memory, copy=False)


def _unpickle(file, load_storage):
    """The object of the next pickle in `file`, which is left behind its end."""
    stack, outer, memo = [], [], {}
    for opcode, argument, _ in pickletools.genops(file):
        taken = _TAKEN.get(opcode.name, 0)
        if taken is None:
            items, stack = stack, outer.pop()
        else:
            items = [stack.pop() for _ in range(taken)][::-1]
        match opcode.name:
            case "STOP":
                return items[0]
            case name if name in _CARRIED:
                stack.append(argument)
            case name if name in _CONSTANTS:
                stack.append(_CONSTANTS[name])
            case name if name in _NEW:
                stack.append(_NEW[name]())
            case "MARK":
                outer.append(stack)
                stack = []
            case "TUPLE" | "TUPLE1" | "TUPLE2" | "TUPLE3":
                stack.append(tuple(items))
            case "APPEND" | "APPENDS":
                list.extend(stack[-1], items)
            case "SETITEM" | "SETITEMS":
                dict.update(stack[-1], _dict(zip(items[::2], items[1::2], strict=True)))
            case "BINPUT" | "LONG_BINPUT":
                memo[argument] = stack[-1]
            case "MEMOIZE":
                memo[len(memo)] = stack[-1]
            case "BINGET" | "LONG_BINGET":
                stack.append(memo[argument])
            case "GLOBAL":
                stack.append(_admitted(*argument.split(" ", 1)))
            case "STACK_GLOBAL":
                stack.append(_admitted(*items))
            case "REDUCE":
                function, arguments = items
                stack.append(_FUNCTIONS[function.name](*arguments))
            case "BINPERSID":
                stack.append(load_storage(items[0]))
            case "PROTO" | "FRAME" | "BUILD":
                pass  # BUILD took attributes of an OrderedDict: the `_metadata` of a state dict
            case _:
                operation = f"{opcode.name} {argument or ''}".strip()
                raise ValueError(f"plain containers need no pickle operation {operation}; {_MEND}")
    raise EOFError("a pickle has no end")


def _admitted(module, name):
    name = ".".join((module, name))
    if name not in _FUNCTIONS and name not in _STORAGES:
        raise ValueError(
            f"it holds {name}, and only tensors and plain containers are read; {_MEND}"
        )
    return _Global(name)


def _dict(pairs=()):
    entries = {}
    for key, value in pairs:
        if not isinstance(key, (str, bytes, int, float, type(None))):
            raise TypeError(f"a {type(key).__name__} is the key of a dict")
        entries[key] = value
    return entries


def _tensor(storage, start, size, stride, requires_grad=False, hooks=None, metadata=None):
    """The view of a storage from its value `start` on; `stride` counts values, not bytes."""
    if metadata:
        raise ValueError(f"a tensor waits for its conjugation or negation; {_MEND}")
    size, stride, (start,) = _size(size), _size(stride), _size((start,))
    if len(size) != len(stride) or storage.ndim != 1:
        raise TypeError("a tensor's dimensions do not agree")
    if 0 in size:
        return np.zeros(size, storage.dtype)
    # A dimension of one value is never stepped along: its stride may be any number.
    steps = [step if length > 1 else 0 for length, step in zip(size, stride, strict=True)]
    last = start + sum((length - 1) * step for length, step in zip(size, steps, strict=True))
    if last >= storage.size or math.prod(size) > max(storage.size, _MOST_REPEATED):
        raise ValueError(f"a tensor of size {size} does not fit its storage of {storage.size}")
    width = storage.itemsize
    return np.ndarray(size, storage.dtype, storage, start * width, [step * width for step in steps])


def _size(numbers):
    if not isinstance(numbers, (tuple, list)):
        raise TypeError(f"a {type(numbers).__name__} is the size or stride of a tensor")
    if not all(isinstance(number, int) and 0 <= number <= sys.maxsize for number in numbers):
        raise TypeError("the size, stride or offset of a tensor is no whole number")
    return tuple(numbers)


def _parameter(tensor, requires_grad=True, hooks=None):
    return tensor


_FUNCTIONS = {
    "collections.OrderedDict": _dict,
    "torch.Size": _size,
    "torch._utils._rebuild_tensor": _tensor,
    "torch._utils._rebuild_tensor_v2": _tensor,
    "torch._utils._rebuild_parameter": _parameter,
}
