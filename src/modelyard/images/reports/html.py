"""A report as one web page that asks nothing of any server."""

from __future__ import annotations

from html import escape
from pathlib import Path

from modelyard.images.reports import svg
from modelyard.images.reports.blocks import (
    Block,
    Gallery,
    Heading,
    Notice,
    Report,
    Sentence,
    Table,
    right_aligned,
)

_UNBROKEN = 48  # characters of a cell
_STYLE = """
:root{color-scheme:light}
body{margin:0;background:#f4f6f8;color:#1f2933;font:15px/1.5 system-ui,"Segoe UI",Roboto,sans-serif}
main{max-width:980px;margin:0 auto;padding:32px 24px 64px;background:#fff}
h1{font-size:26px;margin:0 0 4px}
h2{font-size:18px;margin:32px 0 8px;border-bottom:1px solid #d9dee4;padding-bottom:4px}
.lead{font-size:18px;margin:8px 0 16px}
dl{display:grid;grid-template-columns:max-content 1fr;gap:2px 16px;margin:0}
dl{color:#52606d;font-size:13px}
dt{font-weight:600}dd{margin:0;overflow-wrap:anywhere}
.notice{border-left:4px solid #7b8794;background:#f4f6f8;padding:8px 12px;margin:8px 0}
.notice{overflow-wrap:anywhere}
.bad{border-color:#c02f2f;background:#fcf1f0}.good{border-color:#2f7d4f;background:#eef7f1}
.wide{overflow-x:auto}
table{border-collapse:collapse;font-size:13px;margin:8px 0}
th,td{padding:4px 12px 4px 0;border-bottom:1px solid #e8ecf0;text-align:left;vertical-align:top}
td.k{white-space:nowrap}
.n{text-align:right;font-variant-numeric:tabular-nums}
.gallery{display:grid;grid-template-columns:repeat(auto-fill,minmax(380px,1fr));gap:16px}
figure{margin:0;border:1px solid #e8ecf0;border-radius:6px;padding:4px}
figcaption{font-size:12px;color:#52606d;padding:0 8px 6px}
svg{width:100%;height:auto;display:block;font-family:system-ui,"Segoe UI",Roboto,sans-serif}
"""


def write(report: Report, path: Path) -> None:
    """Write the page, whole or not at all."""
    aside = path.with_name(f".{path.name}.partial")
    aside.write_text(page(report), encoding="utf-8")
    aside.replace(path)


def page(report: Report) -> str:
    """Return the page. Its policy forbids scripts and whatever comes from elsewhere."""
    details = "".join(
        f"<dt>{escape(name)}</dt><dd>{escape(value)}</dd>" for name, value in report.details
    )
    body = "".join(map(_block, report.blocks))
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        '<meta http-equiv="Content-Security-Policy" '
        "content=\"default-src 'none'; style-src 'unsafe-inline'\">"
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{escape(report.title)}</title><style>{_STYLE}</style></head><body><main>"
        f'<h1>{escape(report.title)}</h1><p class="lead">{escape(report.lead)}</p>'
        f"<dl>{details}</dl>{body}</main></body></html>\n"
    )


def _block(block: Block) -> str:
    if isinstance(block, Heading):
        return f"<h2>{escape(block.text)}</h2>"
    if isinstance(block, Sentence):
        return f"<p>{escape(block.text)}</p>"
    if isinstance(block, Notice):
        return f'<p class="notice {block.mood.value}">{escape(block.text)}</p>'
    if isinstance(block, Table):
        return _table(block)
    return _gallery(block)


def _gallery(gallery: Gallery) -> str:
    figures = "".join(
        f"<figure>{svg.drawn(figure.picture)}"
        + (f"<figcaption>{escape(figure.caption)}</figcaption>" if figure.caption else "")
        + "</figure>"
        for figure in gallery.figures
    )
    return f'<div class="gallery">{figures}</div>'


def _table(table: Table) -> str:
    kept = _kept(table)
    classes = [
        ' class="n"' if right else (' class="k"' if short else "")
        for right, short in zip(right_aligned(table), kept, strict=True)
    ]

    def row(cells: object, tag: str) -> str:
        inner = "".join(
            f"<{tag}{name}>{escape(cell)}</{tag}>"
            for cell, name in zip(cells, classes, strict=True)  # type: ignore[call-overload]
        )
        return f"<tr>{inner}</tr>"

    body = "".join(row(cells, "td") for cells in table.rows)
    return f'<div class="wide"><table>{row(table.header, "th")}{body}</table></div>'


def _kept(table: Table) -> list[bool]:
    """Return for each column whether its cells are so short that none is broken."""
    columns = zip(*table.rows, strict=True) if table.rows else [()] * len(table.header)
    return [all(len(cell) <= _UNBROKEN for cell in column) for column in columns]
