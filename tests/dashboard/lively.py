"""A chain with pictures, critiques that point, and a page that tries to get out of its frame."""

import io
from typing import Any

from PIL import Image
from sqlalchemy import Connection

from refine.types import CritiqueIn, PagePicture, PageView, RankingIn
from store import chains, feedback, pictures, rounds
from tests.dashboard.made_store import HOSTILE, PAGE, candidate, open_round, order

ESCAPE = """<!doctype html><title>Escape</title><button id="go">Go</button><pre id="said">waiting</pre><script>
const home = "http://127.0.0.1:PORT";
const tried = {};
const attempt = async (name, what) => {
  try { tried[name] = String(await what()).slice(0, 60); } catch { tried[name] = "refused"; }
};
const loaded = (it, event) => new Promise((done, fail) => { it[event] = () => done("loaded"); it.onerror = fail; });
(async () => {
  await attempt("dashboard", async () => (await fetch(home + "/_stcore/health")).status);
  const image = new Image();
  await attempt("picture", () => { image.src = home + "/favicon.png"; return loaded(image, "onload"); });
  await attempt("socket", () => loaded(new WebSocket(home.replace("http", "ws") + "/_stcore/stream"), "onopen"));
  await attempt("parent", () => parent.document.body.innerHTML.length);
  await attempt("top", () => { top.location = home + "/chains"; return "sent"; });
  await attempt("opener", () => { if (!window.opener && !top.opener) throw 0; return "there"; });
  await attempt("window", () => { if (!window.open(home)) throw 0; return "opened"; });
  await attempt("cookie", () => { if (!document.cookie) throw 0; return document.cookie; });
  tried.origin = self.origin;
  document.getElementById("said").textContent = JSON.stringify(tried);
})();
document.getElementById("go").onclick = (event) => { event.target.textContent = "pressed"; };
</script>"""
"""It says of everything that it tried whether it was refused."""


def webp(color: str, *, width: int = 1280, height: int = 800) -> bytes:
    data = io.BytesIO()
    Image.new("RGB", (width, height), color).save(data, "WEBP", lossless=True)
    return data.getvalue()


def add_picture(connection: Connection, content_sha256: str, color: str, *, view: PageView = "desktop") -> None:
    width, height = (1280, 800) if view == "desktop" else (390, 844)
    data = webp(color, width=width, height=height)
    picture = PagePicture(view=view, width=width, height=height, media_type="image/webp", data=data)
    pictures.add_picture(connection, content_sha256, picture)


def said(candidate: str, anchor: dict[str, Any] | None, text: str = HOSTILE) -> CritiqueIn:
    return CritiqueIn.model_validate({"candidate": candidate, "text": text, "anchor": anchor})


ELEMENT = {"kind": "element", "selector": "button", "box": [64, 80, 128, 40], "viewport": [1280, 800]}
SKETCH = {"kind": "sketch", "strokes": [[[0, 0], [320, 200], [640, 400]]], "viewport": [640, 400]}
EDIT = {"kind": "edit", "selector": "h1", "property": "text", "old": "Go", "new": HOSTILE}


def make_lively(connection: Connection, port: int = 0, *, many: int = 0) -> dict[str, str]:
    """Ids: `chain`, which waits for one more ranking, `escape` (its page tries to get out) and `calm`. `many` more
    critiques are words alone."""
    key = order(connection, "lively", {"lively": "A page"}, rankings_per_round=2)["lively"]
    escape = candidate(connection, key, round=1, slot=0, text=ESCAPE.replace("PORT", str(port)))
    calm = candidate(connection, key, round=1, slot=1, text=PAGE)
    for made, color in ((escape, "red"), (calm, "blue")):
        assert made.content_sha256 is not None
        add_picture(connection, made.content_sha256, color)
    assert calm.content_sha256 is not None
    add_picture(connection, calm.content_sha256, "green", view="phone")
    open_round(connection, key, number=1, shown=[escape.key, calm.key], wanted=3)
    words = tuple(said(calm.id, None, f"Word {n}") for n in range(many))
    critiques = {
        "ann": (said(escape.id, ELEMENT), said(calm.id, SKETCH, "Here")),
        "ben": (said(calm.id, EDIT, "Say it otherwise"), said(calm.id, None, "No place"), *words),
    }
    for labeler in critiques:
        stored = rounds.newest_round(connection, key)
        assert stored is not None
        held = feedback.lease_assignment(connection, round_id=stored.id, labeler=labeler, made_by="person")
        assert held is not None
        feedback.submit_ranking(
            connection,
            assignment_id=held.id,
            ranking=RankingIn(groups=((escape.id,), (calm.id,)), critiques=critiques[labeler]),
            made_by="person",
            key=f"lively-{labeler}",
            active_s=5,
        )
    return {"chain": chains.load_chain_by_key(connection, key).record.id, "escape": escape.id, "calm": calm.id}
