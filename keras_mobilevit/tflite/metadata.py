"""The standard TFLite metadata, that MediaPipe and Android Studio read, for an image classifier.

The schema is TensorFlow's `metadata_schema.fbs`; here are the tables of it that a classifier fills,
and a small encoder on the flatbuffers library.
"""

import flatbuffers

_PARSER_VERSION = "1.0.0"
_DESCRIPTIONS, _TENSOR_AXIS_LABELS = 1, 2  # enum AssociatedFileType
_RGB = 1  # enum ColorSpaceType

# Table -> field -> (slot in the schema, type). A type in [] is a vector; "union X" takes two slots,
# the first for the number of the table X in the union.
_STRING, _BYTE, _UINT, _FLOATS = "string", "byte", "uint", "[float]"
_TABLES = {
    "AssociatedFile": {
        "name": (0, _STRING),
        "description": (1, _STRING),
        "type": (2, _BYTE),
    },
    "FeatureProperties": {},
    "ImageSize": {"width": (0, _UINT), "height": (1, _UINT)},
    "ImageProperties": {"color_space": (0, _BYTE), "default_size": (1, "ImageSize")},
    "Content": {
        "feature": (0, "union FeatureProperties"),
        "image": (0, "union ImageProperties"),
    },
    "NormalizationOptions": {"mean": (0, _FLOATS), "std": (1, _FLOATS)},
    "ProcessUnit": {"normalization": (0, "union NormalizationOptions")},
    "Stats": {"max": (0, _FLOATS), "min": (1, _FLOATS)},
    "TensorMetadata": {
        "name": (0, _STRING),
        "description": (1, _STRING),
        "content": (3, "Content"),
        "process_units": (4, "[ProcessUnit]"),
        "stats": (5, "Stats"),
        "associated_files": (6, "[AssociatedFile]"),
    },
    "SubGraphMetadata": {
        "name": (0, _STRING),
        "input_tensor_metadata": (2, "[TensorMetadata]"),
        "output_tensor_metadata": (3, "[TensorMetadata]"),
    },
    "ModelMetadata": {
        "name": (0, _STRING),
        "description": (1, _STRING),
        "version": (2, _STRING),
        "subgraph_metadata": (3, "[SubGraphMetadata]"),
        "author": (4, _STRING),
        "license": (5, _STRING),
        "associated_files": (6, "[AssociatedFile]"),
        "min_parser_version": (7, _STRING),
    },
}
_UNION_NUMBERS = {"FeatureProperties": 1, "ImageProperties": 2, "NormalizationOptions": 1}
_SLOTS = {"Content": 3, "ProcessUnit": 2}  # of tables with unions; of others the highest field + 1


def classifier_metadata(
    *,
    name,
    description,
    version,
    author,
    license,
    height,
    width,
    scores,
    labels_file,
    contract_file,
):
    """Encoded `ModelMetadata` of a classifier that takes RGB pixels 0..255.

    The normalization it declares is the identity, since the file normalizes in its own graph.
    """
    labels = [{"name": labels_file, "description": "One label a line", "type": _TENSOR_AXIS_LABELS}]
    image = {
        "name": "image",
        "description": f"RGB pixels 0..255, {height} high and {width} wide",
        "content": {
            "image": {"color_space": _RGB, "default_size": {"width": width, "height": height}}
        },
        "process_units": [{"normalization": {"mean": [0.0], "std": [1.0]}}],
        "stats": {"max": [255.0], "min": [0.0]},
    }
    output = {
        "name": "scores",
        "description": f"{scores} of the classes",
        "content": {"feature": {}},
        "associated_files": labels if labels_file else [],
    }
    contract = {
        "name": contract_file,
        "description": "Crop, resize, weights and outputs, for apps",
        "type": _DESCRIPTIONS,
    }
    metadata = {
        "name": name,
        "description": description,
        "version": version,
        "subgraph_metadata": [
            {
                "name": name,
                "input_tensor_metadata": [image],
                "output_tensor_metadata": [output],
            }
        ],
        "author": author,
        "license": license,
        "associated_files": [contract],
        "min_parser_version": _PARSER_VERSION,
    }
    builder = flatbuffers.Builder(1024)
    builder.Finish(_table(builder, "ModelMetadata", metadata), file_identifier=b"M001")
    return bytes(builder.Output())


def _table(builder, table, values):
    fields = _TABLES[table]
    # Flatbuffers are written from the leaves up: everything a table points to comes before it.
    encoded = [
        (*fields[field], _value(builder, fields[field][1], value))
        for field, value in values.items()
    ]
    slots = _SLOTS.get(table) or 1 + max((slot for slot, _ in fields.values()), default=-1)
    builder.StartObject(slots)
    for slot, kind, value in encoded:
        if kind == _BYTE:
            builder.PrependInt8Slot(slot, value, 0)
        elif kind == _UINT:
            builder.PrependUint32Slot(slot, value, 0)
        elif kind.startswith("union "):
            builder.PrependUint8Slot(slot, _UNION_NUMBERS[kind.removeprefix("union ")], 0)
            builder.PrependUOffsetTRelativeSlot(slot + 1, value, 0)
        else:
            builder.PrependUOffsetTRelativeSlot(slot, value, 0)
    return builder.EndObject()


def _value(builder, kind, value):
    if kind in (_BYTE, _UINT):
        return value
    if kind == _STRING:
        return builder.CreateString(value)
    if kind == _FLOATS:
        builder.StartVector(4, len(value), 4)
        for number in reversed(value):
            builder.PrependFloat32(number)
        return builder.EndVector()
    if kind.startswith("["):
        offsets = [_table(builder, kind[1:-1], item) for item in value]
        builder.StartVector(4, len(offsets), 4)
        for offset in reversed(offsets):
            builder.PrependUOffsetTRelative(offset)
        return builder.EndVector()
    return _table(builder, kind.removeprefix("union "), value)
