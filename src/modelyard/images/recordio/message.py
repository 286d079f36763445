"""The message of a recordio-protobuf record: `aialgs.data.Record`.

The descriptor is built here, so that no generated code has to agree with the installed protobuf's
version. It lives in a pool of its own: another library in the process may have registered the same
names. Schema: https://docs.aws.amazon.com/sagemaker/latest/dg/cdf-training.html
"""

from __future__ import annotations

from typing import Any

from google.protobuf import descriptor_pb2, descriptor_pool, message_factory

_Field = descriptor_pb2.FieldDescriptorProto
_PACKAGE = "aialgs.data"
_TENSORS = {
    "Float32Tensor": _Field.TYPE_FLOAT,
    "Float64Tensor": _Field.TYPE_DOUBLE,
    "Int32Tensor": _Field.TYPE_INT32,
}
_VALUES = {  # member of the `value` union: (field number, message)
    "float32_tensor": (2, "Float32Tensor"),
    "float64_tensor": (3, "Float64Tensor"),
    "int32_tensor": (7, "Int32Tensor"),
    "bytes": (9, "Bytes"),
}


def _add(
    message: descriptor_pb2.DescriptorProto,
    name: str,
    number: int,
    kind: _Field.Type.ValueType,
    *,
    repeated: bool = False,
    of: str = "",
) -> _Field:
    field = message.field.add(name=name, number=number, type=kind)
    field.label = _Field.LABEL_REPEATED if repeated else _Field.LABEL_OPTIONAL
    if of:
        field.type_name = f".{_PACKAGE}.{of}"
    if repeated and kind not in (_Field.TYPE_MESSAGE, _Field.TYPE_BYTES):
        field.options.packed = True
    return field


def _schema() -> descriptor_pb2.FileDescriptorProto:
    file = descriptor_pb2.FileDescriptorProto(name="record.proto", package=_PACKAGE)
    file.syntax = "proto2"
    for name, kind in _TENSORS.items():
        tensor = file.message_type.add(name=name)
        _add(tensor, "values", 1, kind, repeated=True)
        _add(tensor, "keys", 2, _Field.TYPE_UINT64, repeated=True)
        _add(tensor, "shape", 3, _Field.TYPE_UINT64, repeated=True)
    binary = file.message_type.add(name="Bytes")
    _add(binary, "value", 1, _Field.TYPE_BYTES, repeated=True)
    _add(binary, "content_type", 2, _Field.TYPE_STRING)
    value = file.message_type.add(name="Value")
    value.oneof_decl.add(name="value")
    for name, (number, message) in _VALUES.items():
        _add(value, name, number, _Field.TYPE_MESSAGE, of=message).oneof_index = 0
    record = file.message_type.add(name="Record")
    for number, name in enumerate(("features", "label"), 1):
        entry = record.nested_type.add(name=f"{name.capitalize()}Entry")
        entry.options.map_entry = True
        _add(entry, "key", 1, _Field.TYPE_STRING)
        _add(entry, "value", 2, _Field.TYPE_MESSAGE, of="Value")
        _add(record, name, number, _Field.TYPE_MESSAGE, repeated=True, of=f"Record.{entry.name}")
    for number, name in enumerate(("uid", "metadata", "configuration"), 3):
        _add(record, name, number, _Field.TYPE_STRING)
    return file


def _record_class() -> Any:
    pool = descriptor_pool.DescriptorPool()
    pool.Add(_schema())
    return message_factory.GetMessageClass(pool.FindMessageTypeByName(f"{_PACKAGE}.Record"))


Record: Any = _record_class()
"""The message class: `features` and `label` map a name to a Value; see the schema."""
