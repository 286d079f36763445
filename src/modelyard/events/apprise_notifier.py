"""Apprise, which knows how to reach people: https://github.com/caronc/apprise/wiki"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any


class NotReached(Exception):
    """Some of those whom a notification was for did not get it."""


class AppriseNotifier:
    """Sends over Apprise's URLs, which hold passwords: no message here repeats one."""

    def send(self, urls: Sequence[str], title: str, text: str) -> None:
        """Send to each of the URLs.

        Raises:
            NotReached: not all of them took it.
        """
        # It loads a hundred plug-ins, which a server without notifications need not wait for.
        from apprise import Apprise

        failed = []
        for place, url in enumerate(urls, start=1):
            service: Any = Apprise()
            if not service.add(url):
                failed.append(f"URL {place} is none that Apprise knows")
            elif not service.notify(body=text, title=title):
                failed.append(f"URL {place} ({url.partition('://')[0]}) did not take it")
        if failed:
            raise NotReached("; ".join(failed))
