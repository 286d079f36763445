"""A browser of the machine's own, and what a person does with it."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Browser, Page, sync_playwright

_FLAGS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
WAIT_MILLISECONDS = 60_000  # a shared machine may stand still for long
_HOW_TO_GET_IT = "Chromium is missing: apt-get install chromium"


def executable() -> str:
    """Return the browser's program; without one the test is skipped, in CI it fails."""
    found = shutil.which("chromium")
    if found is not None:
        return found
    if os.environ.get("CI") == "true":
        pytest.fail(_HOW_TO_GET_IT)
    pytest.skip(_HOW_TO_GET_IT)


@contextmanager
def running() -> Iterator[Browser]:
    """Run a browser without a window."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=executable(), args=list(_FLAGS))
        try:
            yield browser
        finally:
            browser.close()


class Visitor:
    """One person's browser window, which notes where it was sent and what went wrong in it."""

    def __init__(self, browser: Browser, url: str, **options: Any) -> None:
        options.setdefault("viewport", {"width": 1400, "height": 900})
        self.context = browser.new_context(**options)
        self.context.set_default_timeout(WAIT_MILLISECONDS)
        self.page: Page = self.context.new_page()
        self.url = url
        self.hosts: set[str] = set()
        self.problems: list[str] = []
        self.page.on("request", lambda request: self.hosts.add(urlsplit(request.url).netloc))
        self.page.on("pageerror", lambda error: self.problems.append(str(error)))
        self.page.on(
            "console",
            lambda said: (
                self.problems.append(said.text)
                if said.type == "error" and "Failed to load resource" not in said.text
                else None
            ),
        )

    def sign_in(self, keys: Mapping[str, str], path: str = "/console") -> None:
        """Sign in with an access key, on the way to a page."""
        self.page.goto(self.url + path)
        self.page.get_by_label("Access key id").fill(keys["AWS_ACCESS_KEY_ID"])
        self.page.get_by_label("Secret access key").fill(keys["AWS_SECRET_ACCESS_KEY"])
        self.page.get_by_role("button", name="Sign in").click()
        self.page.wait_for_url(f"{self.url}{path}")

    def visit(self, path: str) -> int:
        """Go to a page and return the status that it was answered with."""
        answer = self.page.goto(self.url + path)
        assert answer is not None
        return answer.status

    def text(self) -> str:
        return self.page.locator("main").inner_text()

    def close(self) -> None:
        self.context.close()
