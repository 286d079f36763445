"""The typeface, which is embedded, and what a text must be to be set in it.

DejaVu Sans has Latin, Greek, Cyrillic, Hebrew, Arabic and many signs, but not the scripts of East
and South Asia. It is taken from where it lies: in Matplotlib's package, if that is installed, or
among the system's fonts; without it there is Bitstream Vera, its forebear, which comes with
ReportLab and has Latin only. A character that the typeface lacks would be printed as an empty box,
which says nothing: it is written as its code point, `[U+6F22]`, and the document's last page says
so.
"""

from __future__ import annotations

import threading
import unicodedata
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from xml.sax.saxutils import escape

from reportlab.pdfbase import pdfmetrics
from reportlab.pdfbase.ttfonts import TTFont

REGULAR = "DejaVuSans"
BOLD = "DejaVuSans-Bold"

_SYSTEM_FOLDERS = (Path("/usr/share/fonts/truetype/dejavu"), Path("/usr/share/fonts/TTF"))
_FOREBEAR = {REGULAR: "Vera.ttf", BOLD: "VeraBd.ttf"}  # which ReportLab finds in its own package

_lock = threading.Lock()


def register() -> None:
    """Make the typeface known to the printer, once."""
    with _lock:
        if REGULAR in pdfmetrics.getRegisteredFontNames():
            return
        found = next((folder for folder in _folders() if _is_whole(folder)), None)
        for name in (REGULAR, BOLD):
            file = _FOREBEAR[name] if found is None else str(found / f"{name}.ttf")
            pdfmetrics.registerFont(TTFont(name, file))
        # Whatever markup says, there are these two cuts.
        pdfmetrics.registerFontFamily(
            REGULAR, normal=REGULAR, bold=BOLD, italic=REGULAR, boldItalic=BOLD
        )


def _folders() -> Iterator[Path]:
    """Yield where the typeface may lie."""
    matplotlib = find_spec("matplotlib")  # which is not imported: that takes a second
    if matplotlib is not None and matplotlib.origin is not None:
        yield Path(matplotlib.origin).parent / "mpl-data" / "fonts" / "ttf"
    yield from _SYSTEM_FOLDERS


def _is_whole(folder: Path) -> bool:
    return all((folder / f"{name}.ttf").is_file() for name in (REGULAR, BOLD))


class Typesetter:
    """Makes texts printable, and remembers whether it had to write code points."""

    def __init__(self) -> None:
        register()
        regular, bold = (pdfmetrics.getFont(name).face.charToGlyph for name in (REGULAR, BOLD))
        self._glyphs = regular.keys() & bold.keys()
        self.lacked: set[str] = set()

    def plain(self, text: object) -> str:
        """Return one line of printable text: for charts, whose strings know no markup."""
        return " ".join(self._printable(str(text)).split())

    def markup(self, text: object) -> str:
        """Return a text as a paragraph's markup: everything in it is text.

        Line breaks are kept, but of empty lines no more than one.
        """
        lines = [line.strip() for line in self._printable(str(text)).splitlines()]
        kept = [line for line, before in zip(lines, [" ", *lines], strict=False) if line or before]
        return "<br/>".join(escape(line) for line in kept)

    def _printable(self, text: str) -> str:
        composed = unicodedata.normalize("NFC", text)
        return "".join(self._character(character) for character in composed)

    def _character(self, character: str) -> str:
        if character in "\n\r\u2028\u2029":
            return "\n"
        if ord(character) in self._glyphs:
            return character
        category = unicodedata.category(character)
        if category == "Zs" or character == "\t":
            return " "
        if category in ("Cc", "Cf"):
            return ""  # it steers a terminal or a shaper, and has no shape of its own
        self.lacked.add(character)
        return f"[U+{ord(character):04X}]"


def width(text: str, size: float, *, bold: bool = False) -> float:
    """Return how wide a line of text is, in points."""
    return float(pdfmetrics.stringWidth(text, BOLD if bold else REGULAR, size))


def shortened(text: str, size: float, room: float) -> str:
    """Return a line of text cut to `room` points, with an ellipsis where it was cut."""
    if width(text, size) <= room:
        return text
    low, high = 0, len(text)
    while low < high:
        middle = (low + high + 1) // 2
        if width(f"{text[:middle]}…", size) <= room:
            low = middle
        else:
            high = middle - 1
    return f"{text[:low]}…"
