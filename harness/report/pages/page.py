"""The page of a comparison, or of a single machine: one file that asks nothing of any
network and opens offline.

Anybody may have written a result file: nothing in it is trusted. The template escapes
every text; data stands in blocks of JSON, in which no tag can begin; the scripts set
texts, never markup; and the page's own policy lets only those two scripts run.
"""

from __future__ import annotations

import base64
import gzip
import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from importlib import resources
from typing import Any

from jinja2 import Template
from markupsafe import Markup

from harness.report.compare.model import Comparison
from harness.report.compare.shown.apart import apart, candidates_table
from harness.report.compare.shown.best import best_of_models, best_table
from harness.report.compare.shown.cases import case_table, cases, is_verdict
from harness.report.compare.shown.key_figures import (
    key_figures,
    key_figures_of_one,
)
from harness.report.compare.shown.money import money_tables
from harness.report.compare.shown.ranking import ranking_tables
from harness.report.compare.shown.verdict import verdict
from harness.report.pages.pictures import all_pictures
from harness.report.pages.pictures.lead import rates_of_one, speed_and_cost
from harness.report.pages.pictures.picture import TEMPLATE, Picture
from harness.report.tables.html import embedded, environment
from harness.report.tables.table import Table, brief, percent

GENERATOR = "speechmark compare"
# Scatters and bars are all that is drawn: plotly.js without maps and solids is a
# quarter of the whole. It is the file of the npm package plotly.js-basic-dist-min.
PLOTLY = "plotly-basic.min.js"
MOST_DOCUMENT_BYTES = 4_000_000


@dataclass(frozen=True)
class Section:
    """A workload: the table of its cases with a verdict, and its pictures; of those
    that few look at, `folded`, one opens them."""

    id: str
    workload: str
    table: Table | None
    pictures: tuple[Picture, ...]
    folded: tuple[Picture, ...]

    @property
    def count(self) -> str:
        return counted(self.table, "case")


def page(comparison: Comparison, document_json: str) -> str:
    """The whole page as HTML. `document_json` is the comparison as strict JSON, to be
    downloaded from the page; beyond 4 MB, or empty, it is left out, and the page says
    so."""
    pictures, notes = all_pictures(comparison)
    plotly, script = _script(_own(PLOTLY)), _script(_own("page.js"))
    html = _template().render(
        generator=GENERATOR,
        title=_title(comparison),
        policy=_policy([plotly, script]),
        css=Markup(_own("page.css")),
        plotly=Markup(plotly),
        script=Markup(script),
        look=embedded(TEMPLATE),
        comparison=comparison,
        **_answer(comparison),
        verdict=verdict(comparison),
        candidates=candidates_table(comparison),
        ranking=ranking_tables(comparison),
        money=money_tables(comparison),
        money_pictures=[one for one in pictures if one.workload is None],
        sections=_sections(comparison, pictures),
        picture_notes=notes,
        apart=apart(comparison),
        facets=_facets(comparison),
        **_document(document_json),
    )
    # A file may hold half a character (a lone surrogate), which no page can.
    return html.encode("utf-8", "replace").decode("utf-8")


def _answer(comparison: Comparison) -> dict[str, Any]:
    """What the page opens with."""
    if len(comparison.candidates) > 1:
        return {
            "is_single": False,
            "key_figures": key_figures(comparison),
            "lead": speed_and_cost(comparison),
            "best": None,
        }
    best = best_of_models(comparison)
    return {
        "is_single": True,
        "key_figures": key_figures_of_one(comparison, best),
        "lead": rates_of_one(best),
        "best": best_table(best, comparison.metrics) if best else None,
    }


def _title(comparison: Comparison) -> str:
    names = [candidate.label for candidate in comparison.candidates]
    if len(names) == 1:
        return f"{names[0]}, measured by speechmark"
    return f"{', '.join(names[:-1])} and {names[-1]}, compared by speechmark"


def _sections(comparison: Comparison, pictures: Sequence[Picture]) -> list[Section]:
    found = [case for case in cases(comparison) if is_verdict(case)]
    is_single = len(comparison.candidates) == 1
    sections = []
    workloads = dict.fromkeys(row.work.workload for row in comparison.rows)
    for place, workload in enumerate(workloads, 1):
        own = [case for case in found if case.row.work.workload == workload]
        baseline = None if is_single else comparison.baseline
        id, caption = f"cases-{place}", f"Cases of {workload}"
        table = (
            case_table(id, caption, own, comparison.metrics, baseline, True)
            if own
            else None
        )
        drawn = [one for one in pictures if one.workload == workload]
        shown = tuple(one for one in drawn if not one.is_aside)
        aside = tuple(one for one in drawn if one.is_aside)
        if own or drawn:
            id = f"workload-{place}"
            sections.append(Section(id, workload, table, shown, aside))
    return sections


def _facets(comparison: Comparison) -> dict[str, list[str]]:
    """What the filters offer; one with a single answer is no filter."""
    works = [row.work for row in comparison.rows]
    offered = {
        "workload": {work.workload for work in works},
        "compression": {work.compression for work in works},
        "runtime": {work.runtime for work in works},
        "candidate": {candidate.label for candidate in comparison.candidates},
    }
    return {name: sorted(found) for name, found in offered.items() if len(found) > 1}


def _document(document_json: str) -> dict[str, Any]:
    size = len(document_json.encode("utf-8", "replace"))
    is_short = 0 < size <= MOST_DOCUMENT_BYTES
    return {
        "document": packed(document_json) if is_short else None,
        "most_mb": f"{MOST_DOCUMENT_BYTES / 1e6:g}",
    }


def packed(text: str) -> str:
    """As gzip in base64, which is far shorter: few save it, and none reads it here."""
    return base64.b64encode(
        gzip.compress(text.encode("utf-8", "replace"), mtime=0)
    ).decode("ascii")


def counted(table: Table | None, noun: str) -> str:
    """How many rows a folded part holds; nothing where it has no table."""
    if table is None:
        return ""
    return f"{len(table):,} {noun}{'' if len(table) == 1 else 's'}"


def figure_data(picture: Picture) -> Any:
    """Traces and layout for plotly.js, in six digits. The template, which all pictures
    share, stands in the page once."""
    return _brief(picture.figure)


def _brief(value: Any) -> Any:
    if isinstance(value, float):
        return brief(value)
    if isinstance(value, dict):
        return {key: _brief(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [_brief(inner) for inner in value]
    return value


def _template() -> Template:
    made = environment()
    made.filters.update(figure_data=figure_data, percent=percent, counted=counted)
    return made.from_string(_own("page.html.jinja"))


def _own(name: str) -> str:
    return resources.files("harness.report.pages").joinpath(name).read_text("utf-8")


def _script(text: str) -> str:
    """As a browser reads it, so that the policy's hash is of the same text."""
    return text.replace("\r\n", "\n").replace("\r", "\n")


def _policy(scripts: Sequence[str]) -> str:
    """Nothing is fetched from anywhere; no script runs but those of these hashes."""
    hashes = (
        base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
        for script in scripts
    )
    allowed = " ".join(f"'sha256-{one}'" for one in hashes)
    return (
        f"default-src 'none'; script-src {allowed}; style-src 'unsafe-inline'; "
        "img-src data: blob:; base-uri 'none'; form-action 'none'"
    )
