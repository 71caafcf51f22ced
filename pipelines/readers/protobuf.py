"""Protobuf messages of a log, decoded by the description that the log carries with them.

In: the name of a message type and its serialized file descriptors. Out: a function from bytes to
a document, or None when the description is missing or does not hold together.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from google.protobuf.descriptor import FieldDescriptor
    from google.protobuf.descriptor_pb2 import FileDescriptorProto
    from google.protobuf.descriptor_pool import DescriptorPool
    from google.protobuf.message import Message


def decoder_of(name: str, description: bytes) -> Callable[[bytes], dict[str, Any]] | None:
    """Return what decodes messages of type `name`.

    The function raises ValueError for bytes that are no such message.
    """
    from google.protobuf.descriptor_pb2 import FileDescriptorSet
    from google.protobuf.descriptor_pool import DescriptorPool
    from google.protobuf.message import DecodeError
    from google.protobuf.message_factory import GetMessageClass

    try:
        files = FileDescriptorSet.FromString(description).file
        pool = DescriptorPool()
        _register(pool, files)
        kind = GetMessageClass(pool.FindMessageTypeByName(name))
    except (DecodeError, TypeError, KeyError):
        return None

    def decode(data: bytes) -> dict[str, Any]:
        try:
            return document(kind.FromString(data))
        except DecodeError as error:
            raise ValueError(str(error)) from error

    return decode


def document(message: Message) -> dict[str, Any]:
    """Return a message as a document, fields at their default among them."""
    doc = {}
    for field in message.DESCRIPTOR.fields:
        if field.has_presence and field.message_type and not message.HasField(field.name):
            continue
        doc[field.name] = _value(field, getattr(message, field.name))
    return doc


def _register(pool: DescriptorPool, files: Iterable[FileDescriptorProto]) -> None:
    """Add the files, each after those that it imports."""
    waiting = {file.name: file for file in files}
    while waiting:
        ready = [file for file in waiting.values() if not waiting.keys() & {*file.dependency}]
        if not ready:
            raise TypeError("files that import each other")
        for file in ready:
            pool.AddSerializedFile(file.SerializeToString())
            del waiting[file.name]


def _value(field: FieldDescriptor, value: Any) -> Any:  # noqa: ANN401 - whatever the field holds
    if not field.is_repeated:
        return document(value) if field.message_type else value
    if field.message_type and field.message_type.GetOptions().map_entry:
        inner = field.message_type.fields_by_name["value"]
        return {str(key): _value(inner, each) for key, each in value.items()}
    return [document(each) if field.message_type else each for each in value]
