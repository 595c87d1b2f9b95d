"""A page without a script of its own: a title, tables, pictures, text."""

from __future__ import annotations

import html
from typing import Any

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
{body}
</body>
</html>
"""


def page(title: str, generator: str, body: str) -> str:
    """An HTML page; `body` is HTML, the title is plain text."""
    return _PAGE.format(
        title=html.escape(title), generator=html.escape(generator), body=body
    )


def is_page_of(text: str, generator: str) -> bool:
    return f'content="{html.escape(generator)}"' in text[:1000]


def figure_html(figure: Any, name: str) -> str:
    """A figure of plotly with all that it takes to show it offline."""
    return str(
        figure.to_html(
            full_html=False,
            include_plotlyjs=True,
            div_id=name,
            config=PLOTLY_CONFIG,
        )
    )


def preformatted(text: str) -> str:
    """Lines as they are."""
    return f"<pre>{html.escape(text)}</pre>"
