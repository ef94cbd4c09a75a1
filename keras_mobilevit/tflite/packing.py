"""What stands around the operators of a `.tflite`: the metadata and the packed files.

A `.tflite` is a flatbuffer of the TFLite model schema; associated files are appended to it as a ZIP
archive, so that `unzip -l model.tflite` lists them.
"""

import zipfile

import flatbuffers

from keras_mobilevit._optional import require

_METADATA_NAME = "TFLITE_METADATA"
_BUFFER_ALIGNMENT = 16  # of the schema's `force_align`, which runtimes rely on to map weights
_ZIP_DATE = (1980, 1, 1, 0, 0, 0)  # fixed, so that the same model gives the same bytes


def add_metadata(flatbuffer, metadata):
    """A `.tflite` flatbuffer with encoded `ModelMetadata` in it."""
    schema = require("tensorflow.lite.python.schema_py_generated", "tflite")

    class AlignedBuffer(schema.BufferT):
        def Pack(self, builder):
            if self.data is not None:
                builder.Prep(_BUFFER_ALIGNMENT, len(self.data))
            return super().Pack(builder)

    model = schema.ModelT.InitFromPackedBuf(flatbuffer, 0)
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
