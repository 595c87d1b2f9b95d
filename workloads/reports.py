"""Files for people to read: written whole or not at all, never over another kind."""

import html
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

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
</style>
</head>
<body>
{body}
</body>
</html>
"""


def check_output(path: Path, is_ours: Callable[[str], bool], kind: str) -> None:
    """Raise ValueError unless a file of this kind can be written there.

    One that exists may be replaced where `is_ours` recognises the text in it.
    """
    advice = f"give another name for the {kind}"
    if path.is_dir():
        raise ValueError(f"{path} is a folder: {advice}")
    if path.exists():
        try:
            ours = is_ours(path.read_text(encoding="utf-8"))
        except (OSError, UnicodeDecodeError):
            ours = False
        if not ours:
            raise ValueError(f"{path} exists and is no {kind}: remove it or {advice}")
    if not path.parent.is_dir():
        raise ValueError(f"no folder {path.parent} for the {kind}: make it first")
    try:
        with tempfile.TemporaryFile(dir=path.parent):
            pass
    except OSError as error:
        raise ValueError(
            f"cannot write into {path.parent} ({error.strerror}): {advice}"
        ) from error


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
            config={
                "displaylogo": False,
                "responsive": True,
                "showSendToCloud": False,  # a page of ours sends nothing
            },
        )
    )
