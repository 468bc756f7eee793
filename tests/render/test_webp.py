"""Screenshots as they are kept: without loss where that is small, and never big."""

import io

import numpy as np
import pytest
from PIL import Image, ImageDraw

from refine.errors import RenderError
from refine.render import compress
from refine.render.webp import LIMITS


def png_of(image: Image.Image) -> bytes:
    kept = io.BytesIO()
    image.save(kept, "PNG")
    return kept.getvalue()


def test_a_page_of_text_is_kept_to_the_pixel() -> None:
    image = Image.new("RGB", (1280, 800), "#f8fafc")
    draw = ImageDraw.Draw(image)
    for line in range(40):
        draw.text((20, 20 * line), f"Line {line}: the quick brown fox jumps over the lazy dog " * 3, fill="#1e293b")
    made = compress(png_of(image), limit_bytes=LIMITS["desktop"])
    assert len(made) <= LIMITS["desktop"]
    with Image.open(io.BytesIO(made), formats=["WEBP"]) as kept:
        assert np.array_equal(np.asarray(kept.convert("RGB")), np.asarray(image))


@pytest.mark.parametrize("limit", [20_000, 2_000])
def test_noise_is_made_smaller_until_it_fits(limit: int) -> None:
    noise = np.random.default_rng(0).integers(0, 256, (844, 390, 3), dtype=np.uint8)
    made = compress(png_of(Image.fromarray(noise)), limit_bytes=limit)
    assert len(made) <= limit
    with Image.open(io.BytesIO(made), formats=["WEBP"]) as kept:
        assert kept.width < 390 and abs(kept.width / kept.height - 390 / 844) < 0.02


def test_what_is_no_picture_is_refused() -> None:
    with pytest.raises(RenderError):
        compress(b"<svg onload=alert(1)>", limit_bytes=1000)
