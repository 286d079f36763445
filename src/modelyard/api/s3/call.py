"""What a handler is given and what it gives back."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from concurrent.futures import Executor
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import ParamSpec, Protocol, TypeAlias, TypeVar

from modelyard.api.s3.documents import Element, document
from modelyard.api.s3.errors import S3Error, invalid_argument
from modelyard.api.s3.payload import Payload
from modelyard.operations.context import Principal
from modelyard.store.encryption.bucket_defaults import Encryption
from modelyard.store.encryption.sealed_files import mark_path
from modelyard.store.encryption.vault import Vault
from modelyard.store.multipart_uploads import MultipartUploads
from modelyard.store.recorded_objects import RecordedObjects
from modelyard.store.s3_server import S3Server
from modelyard.store.s3_uris import S3Uri, bucket_problem, key_problem

P = ParamSpec("P")
T = TypeVar("T")


class Pieces(Protocol):
    """A body that is sent piece by piece, and closed whether or not it was read to its end."""

    def __aiter__(self) -> AsyncIterator[bytes]: ...

    async def aclose(self) -> None: ...


#: An answer's body: all of it, or pieces that are sent as they come.
Body: TypeAlias = bytes | Pieces


@dataclass(frozen=True, kw_only=True)
class Shelf:
    """Where one account's things are."""

    objects: RecordedObjects
    uploads: MultipartUploads
    server: S3Server


@dataclass(frozen=True, kw_only=True)
class Answer:
    """What is sent back. With a body in pieces, `headers` has its length, or nobody knows it."""

    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)
    body: Body = b""


@dataclass(frozen=True, kw_only=True)
class Call:
    """One request of somebody who has proved who it is."""

    operation: str
    bucket: str  # as it was asked for; empty for ListBuckets
    key: str
    query: Mapping[str, str]
    headers: Mapping[str, str]  # lower-case names
    payload: Payload
    principal: Principal
    region: str
    request_id: str
    shelf: Shelf
    executor: Executor

    @property
    def resource(self) -> str:
        """What is asked for, as errors name it."""
        return f"/{self.bucket}/{self.key}" if self.key else f"/{self.bucket}"

    @property
    def vault(self) -> Vault:
        """What encrypts and opens objects on the caller's behalf."""
        return self.shelf.objects.objects.vault

    @property
    def uri(self) -> S3Uri:
        """What is asked for; whether it can be is checked where it matters."""
        return S3Uri(self.bucket, self.key)

    def new_uri(self) -> S3Uri:
        """Return where something is to be stored.

        Raises:
            S3Error: no object can have such a name.
        """
        if bucket_problem(self.bucket) is not None:
            raise S3Error("NoSuchBucket", details={"BucketName": self.bucket})
        problem = key_problem(self.key)
        if problem is not None:
            raise invalid_argument("Key", self.key, problem)
        return self.uri

    async def take_in(self, encryption: Encryption | None) -> Path:
        """Return the file that the request's body was written to, encrypted if it is to be.

        Raises:
            KeyUnusable, StorageFull: it was not written.
        """
        payload, server = self.payload, self.shelf.server
        if encryption is None:
            return await server.take_in(payload.pieces(), payload.length)
        sealed = await self.run(
            self.vault.sealing, self.bucket, payload.pieces(), payload.length, encryption
        )
        path = await server.take_in(sealed.pieces, sealed.length)
        await self.run(mark_path, path)
        return path

    async def run(self, function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Return what `function` does in a thread: it waits for the disk."""
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self.executor, partial(function, *args, **kwargs))


Handler: TypeAlias = Callable[[Call], Awaitable[Answer]]

XML = {"content-type": "application/xml"}


def xml_answer(
    name: str, content: str | list[Element], *, headers: Mapping[str, str] | None = None
) -> Answer:
    """Return a document as an answer."""
    return Answer(headers={**XML, **(headers or {})}, body=document(name, content))


def number(query: Mapping[str, str], name: str, *, default: int, most: int, least: int = 0) -> int:
    """Return a number of a query; what is above `most` counts as that.

    Raises:
        S3Error: it is not a number, or below `least`.
    """
    text = query.get(name)
    if text is None or text == "":
        return default
    # The digits are bounded ahead of int(), whose time is quadratic.
    if not text.isascii() or not text.isdigit() or len(text) > 10 or int(text) < least:
        raise invalid_argument(name, text, f"it must be a whole number from {least} to 2147483647")
    return min(int(text), most)
