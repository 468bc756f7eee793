"""Pictures as they are kept: the browser's screenshots, compressed by us.

Of 37 pages (31 of our own, six of another project's candidates) a desktop picture of 1280 × 800 takes 4 KB in the
middle and 39 KB at most without loss, a phone's 3.5 and 34; with loss, at quality 80, 6 and 16 KB. So nothing is lost
where the limit allows it, small text least of all, and noise and photographs are made smaller step by step.
"""

import io
from typing import TYPE_CHECKING

from refine.errors import RenderError
from refine.types import PagePicture, PageView

if TYPE_CHECKING:
    from PIL.Image import Image

    from refine.render.report import RenderReport

MEDIA_TYPE = "image/webp"
LIMITS: dict[PageView, int] = {"desktop": 40_000, "phone": 20_000}
"""Bytes of a picture."""
_STEPS = ((1.0, 80), (1.0, 50), (0.75, 50), (0.5, 50), (0.5, 20), (0.25, 20), (0.125, 10))
"""(size, quality): what is tried in order where a picture without loss is too big."""


def pictures_of(report: "RenderReport") -> tuple[PagePicture, ...]:
    """The report's pictures for the store; those that it has."""
    return tuple(
        PagePicture(
            view=shot.name,
            width=shot.width,
            height=shot.height,
            media_type=MEDIA_TYPE,
            data=compress(report.pictures[shot.sha256], limit_bytes=LIMITS[shot.name]),
        )
        for shot in report.shots
        if shot.sha256 in report.pictures
    )


def compress(png: bytes, *, limit_bytes: int) -> bytes:
    """WebP of at most `limit_bytes`, as good as they allow. Raises RenderError for what is no PNG."""
    from PIL import Image, UnidentifiedImageError

    try:
        with Image.open(io.BytesIO(png), formats=["PNG"]) as opened:
            image = opened.convert("RGB")
    except (UnidentifiedImageError, OSError) as exc:
        raise RenderError("the browser's screenshot is no picture") from exc
    made = _encode(image, lossless=True, quality=60)
    for scale, quality in _STEPS:
        if len(made) <= limit_bytes:
            break
        size = (max(1, round(image.width * scale)), max(1, round(image.height * scale)))
        smaller = image if scale == 1.0 else image.resize(size, Image.Resampling.LANCZOS)
        made = _encode(smaller, lossless=False, quality=quality)
    return made


def _encode(image: "Image", *, lossless: bool, quality: int) -> bytes:
    kept = io.BytesIO()
    image.save(kept, "WEBP", lossless=lossless, quality=quality, method=4)
    return kept.getvalue()
