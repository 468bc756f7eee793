"""HTML: templates with the catalogue of whoever reads them."""

import gzip
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import orjson

from refine.delivery import host_script_tag
from refine.web.access import page_headers
from refine.web.assets import asset
from refine.web.catalogue import LOCALES, Catalogue, catalogue, choose_locale
from refine.web.place import Place

if TYPE_CHECKING:
    from jinja2 import Environment
    from starlette.requests import Request
    from starlette.responses import Response

TEMPLATES = Path(__file__).parent / "templates"
LANGUAGE_COOKIE = "refine_language"


def catalogue_for(request: "Request") -> Catalogue:
    asked = request.cookies.get(LANGUAGE_COOKIE)
    return catalogue(choose_locale(asked, request.headers.get("accept-language", "")))


@cache
def _environment() -> "Environment":
    import jinja2

    return jinja2.Environment(
        loader=jinja2.FileSystemLoader(TEMPLATES),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )


def data_block(value: object) -> Any:
    """JSON that may stand in a `<script type="application/json">`: no text in it can end the element."""
    from markupsafe import Markup

    text = orjson.dumps(value).decode()
    for character in "<>&\u2028\u2029":
        text = text.replace(character, f"\\u{ord(character):04x}")
    return Markup(text)  # noqa: S704  # nothing of HTML is left in it


def show(
    place: Place,
    request: "Request",
    template: str,
    *,
    status: int = 200,
    frames: list[str] | None = None,
    name: str | None = None,
    data: object = None,
    scripts: tuple[str, ...] = (),
    **values: Any,
) -> "Response":
    """A page. `name` is that of the labeler where one is signed in; scripts get `data`, and the texts of `scripts`."""
    from markupsafe import Markup
    from starlette.responses import Response

    texts = catalogue_for(request)
    page = (
        _environment()
        .get_template(template)
        .render(
            t=texts.say,
            locale=texts.locale,
            direction=texts.direction,
            locales=LOCALES,
            asset=lambda each: asset(each).path,
            host_script=Markup(host_script_tag(place.sites)),  # noqa: S704  # made of a hash
            labeler=name,
            path=request.url.path,
            data=None if data is None else data_block(data),
            texts=data_block(texts.of(scripts)),
            **values,
        )
    )
    headers = page_headers(place, frames) | {"Vary": "Accept-Encoding"}
    if "gzip" in request.headers.get("accept-encoding", ""):
        packed = gzip.compress(page.encode(), 5, mtime=0)
        headers["Content-Encoding"] = "gzip"
        return Response(packed, status_code=status, media_type="text/html; charset=utf-8", headers=headers)
    return Response(page, status_code=status, media_type="text/html; charset=utf-8", headers=headers)


def show_message(place: Place, request: "Request", code: str, *, status: int, name: str | None = None) -> "Response":
    """A page that says why there is nothing to see, and what to do."""
    texts = catalogue_for(request)
    known = f"error.{code}" if f"error.{code}" in texts.texts else "error.not_found"
    return show(place, request, "message.html", status=status, name=name, said=texts.say(known))
