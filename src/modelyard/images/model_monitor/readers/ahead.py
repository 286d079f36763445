"""Reading ahead: the next frame is parsed on one core while this one is counted on another."""

from __future__ import annotations

import queue
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TypeVar

_T = TypeVar("_T")


@dataclass(frozen=True)
class _Failed:
    error: BaseException


_END = object()


def ahead(items: Iterator[_T]) -> Iterator[_T]:
    """Yield what `items` yields, made one item ahead in a thread of its own."""
    line: queue.Queue[object] = queue.Queue(maxsize=1)
    left = threading.Event()

    def put(item: object) -> bool:
        while not left.is_set():
            try:
                line.put(item, timeout=0.2)
            except queue.Full:
                continue
            return True
        return False

    def work() -> None:
        try:
            for item in items:
                if not put(item):
                    return
            put(_END)
        except BaseException as error:  # it is raised where the items are taken
            put(_Failed(error))

    thread = threading.Thread(target=work, name="reader", daemon=True)
    thread.start()
    try:
        while (item := line.get()) is not _END:
            if isinstance(item, _Failed):
                raise item.error
            yield item  # type: ignore[misc]  # the queue holds what `items` yields
    finally:
        left.set()
        thread.join()
