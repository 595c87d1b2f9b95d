"""A page without a script of its own: a title, tables, pictures, text."""

from __future__ import annotations

import html
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

from harness.report.tables.html import as_html
from harness.report.tables.table import Table

# Lines of text stay as they are. A figure of plotly, with all that it takes to show it
# offline, is made when the page is: most who make tables want none.
Part = Table | str | Callable[[], Any]

# A picture of plotly in a page of ours sends nothing.
PLOTLY_CONFIG = {"displaylogo": False, "responsive": True, "showSendToCloud": False}
_PAGE = """<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="generator" content="{generator}">
<title>{title}</title>
<style>
body {{ font: 16px/1.5 system-ui, sans-serif; color: #222; margin: 2rem auto;
  max-width: 72rem; padding: 0 1rem; }}
h1 {{ font-size: 1.2rem; line-height: 1.4; margin: 0 0 1rem; }}
pre {{ overflow-x: auto; font-size: 0.8rem; line-height: 1.35; }}
.table {{ margin: 1.25rem 0; }}
.caption {{ font-weight: 600; font-size: 0.9rem; margin: 0 0 0.3rem; }}
.scroll {{ overflow-x: auto; }}
table {{ border-collapse: collapse; font-size: 0.85rem; }}
th, td {{ padding: 0.2rem 0.7rem; text-align: left; border-bottom: 1px solid #ddd; }}
.number {{ text-align: right; white-space: nowrap; }}
.note {{ font-size: 0.85rem; margin: 0.2rem 0; }}
</style>
</head>
<body>
<h1>{heading}</h1>
{body}
</body>
</html>
"""


def page(title: str, generator: str, parts: Sequence[Part], heading: str = "") -> str:
    """An HTML page under a heading, the title where there is no other; `generator` says
    what kind it is of."""
    return _PAGE.format(
        title=html.escape(title),
        generator=html.escape(generator),
        heading=html.escape(heading or title),
        body="\n".join(_html(part, number) for number, part in enumerate(parts)),
    )


def _html(part: Part, number: int) -> str:
    if isinstance(part, Table):
        return as_html(replace(part, id=f"{part.id}-{number}"))
    if isinstance(part, str):
        return f"<pre>{html.escape(part)}</pre>"
    made = part().to_html(
        full_html=False,
        include_plotlyjs=True,
        div_id=f"picture-{number}",
        config=PLOTLY_CONFIG,
    )
    return str(made)
