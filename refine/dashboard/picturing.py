"""Pictures of candidates on a page of ours: side by side with pins and sketches, or before and after with a slider.

A component without a frame of its own. Its script is ours and fixed; names and words of people reach it as data.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import streamlit as st

from refine.api.browsing import Inspection
from refine.dashboard.frames import STAGE, LiveCandidate, new_viewer
from refine.dashboard.marks import Mark
from refine.dashboard.pictures import picture_path
from refine.dashboard.static import asset_url
from refine.dashboard.text import line
from refine.export import ExportCandidate
from refine.types import PageView

_COMPONENT = st.components.v2.component(
    "refine_pictures",
    html=f'<link rel="stylesheet" href="{asset_url("pictures.css")}"><div class="pictures"></div>',
    js=f"""export default async (given) => {{
  const found = new URL("{asset_url("pictures.js")}", location.origin);  // itself it is loaded from a blob
  return (await import(found.href)).default(given);
}};""",
)
"""What it is made of is fetched once: Streamlit would send it with every run of a page."""
_VIEWER = "live_viewer"
_LINKS = "live_links"


@dataclass(frozen=True, slots=True, kw_only=True)
class Shown:
    """A candidate as a card: `name` is what it is called here, `note` a word on how it did."""

    candidate: ExportCandidate
    name: str
    note: str = ""
    is_best: bool = False
    marks: tuple[Mark, ...] = ()


def has_picture(found: Inspection, candidate: ExportCandidate, view: PageView) -> bool:
    return view in found.pictures.get(candidate.content_sha256 or "", {})


def show_row(found: Inspection, cards: Sequence[Shown], *, view: PageView, key: str) -> None:
    """The candidates side by side, each with its marks and a link that opens it live."""
    _COMPONENT(key=key, data={"row": [_card(found, it, view) for it in cards]})


def show_comparison(found: Inspection, before: Shown, after: Shown, *, view: PageView, key: str) -> None:
    """The one over the other, with a slider between them that the keyboard moves as well."""
    _COMPONENT(key=key, data={"compare": [_card(found, it, view) for it in (before, after)]})


def live_link(found: Inspection, candidate: ExportCandidate) -> str | None:
    """A path that opens it live, the same for a session; None for one without code."""
    if not candidate.files:
        return None
    links: dict[str, tuple[float, str]] = st.session_state.setdefault(_LINKS, {})
    viewer = st.session_state.setdefault(_VIEWER, new_viewer())
    return STAGE.keep_link(
        links,
        LiveCandidate(chain=found.record.id, candidate=candidate.id, name=line(found.story.names[candidate.id], 60)),
        viewer=viewer,
    )


def _card(found: Inspection, it: Shown, view: PageView) -> Mapping[str, Any]:
    facts = found.pictures.get(it.candidate.content_sha256 or "", {}).get(view)
    name = line(it.name, 60)
    return {
        "name": name,
        "note": line(it.note, 80),
        "is_best": it.is_best,
        "src": None if facts is None else picture_path(facts.content_sha256, view),
        "alt": f"{name}, as it looks {'on a phone' if view == 'phone' else 'on a desktop'}",
        "width": facts.width if facts is not None else None,
        "height": facts.height if facts is not None else None,
        "live": live_link(found, it.candidate),
        "marks": [each.values() for each in it.marks],
    }
