"""What stands around the operators of a `.tflite`: names, signature, metadata, packed files.

A `.tflite` is a flatbuffer of the TFLite model schema; associated files are appended to it as a ZIP
archive, so that `unzip -l model.tflite` lists them.
"""

import zipfile

import flatbuffers

from keras_mobilevit._optional import require

SIGNATURE = "serving_default"
_METADATA_NAME = "TFLITE_METADATA"
_BUFFER_ALIGNMENT = 16  # of the schema's `force_align`, which runtimes rely on to map weights
_ZIP_DATE = (1980, 1, 1, 0, 0, 0)  # fixed, so that the same model gives the same bytes


def pack(flatbuffer, *, input_name, output_name, metadata):
    """Name the tensors, add a signature and the standard metadata; returns the new flatbuffer."""
    schema = require("tensorflow.lite.python.schema_py_generated", "tflite")

    class AlignedBuffer(schema.BufferT):
        def Pack(self, builder):
            if self.data is not None:
                builder.Prep(_BUFFER_ALIGNMENT, len(self.data))
            return super().Pack(builder)

    model = schema.ModelT.InitFromPackedBuf(flatbuffer, 0)
    graph = model.subgraphs[0]
    signature = schema.SignatureDefT()
    signature.signatureKey = SIGNATURE
    signature.subgraphIndex = 0
    signature.inputs = [_tensor_map(schema, graph, graph.inputs[0], input_name)]
    signature.outputs = [_tensor_map(schema, graph, graph.outputs[0], output_name)]
    model.signatureDefs = [signature]

    entry = schema.MetadataT()
    entry.name = _METADATA_NAME
    entry.buffer = len(model.buffers)
    model.metadata = [*(model.metadata or []), entry]
    buffer = schema.BufferT()
    buffer.data = metadata
    model.buffers.append(buffer)
    for buffer in model.buffers:
        buffer.__class__ = AlignedBuffer

    builder = flatbuffers.Builder(len(flatbuffer) + len(metadata) + 4096)
    builder.Finish(model.Pack(builder), file_identifier=b"TFL3")
    return bytes(builder.Output())


def append_files(path, files):
    """Append `{name: text}` to a `.tflite` as stored ZIP entries."""
    with zipfile.ZipFile(path, "a", zipfile.ZIP_STORED) as archive:
        for name, text in files.items():
            archive.writestr(zipfile.ZipInfo(name, _ZIP_DATE), text)


def packed_files(path):
    """The files that are packed into a `.tflite`, as `{name: text}`; empty if there are none."""
    if not zipfile.is_zipfile(path):
        return {}
    with zipfile.ZipFile(path) as archive:
        return {name: archive.read(name).decode("utf-8") for name in archive.namelist()}


def _tensor_map(schema, graph, index, name):
    graph.tensors[index].name = name
    entry = schema.TensorMapT()
    entry.name = name
    entry.tensorIndex = index
    return entry
