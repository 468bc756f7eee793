"""What a screenshot's pixels say: how much stands on the page, and which text does not stand out of its ground."""

import hashlib
import io
from collections.abc import Sequence
from typing import TYPE_CHECKING, Literal, NamedTuple

from refine.artifact.probe import Picture
from refine.errors import RenderError
from refine.render.report import Shot

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

BLOCK = 8
INK_STEP = 16
"""A block has ink when its values spread further than this, of 255: less is a gradient."""
UNSEEN = 24
"""Text whose box spreads less than this, of 255, cannot be read; antialiased grey on near grey has 30 and more."""


class TextBox(NamedTuple):
    """Where a piece of text stands in the picture, in its pixels."""

    x: int
    y: int
    width: int
    height: int
    characters: int
    text: str


class Unseen(NamedTuple):
    seen: int
    """Boxes looked at."""
    texts: tuple[str, ...]
    share: float
    """Of all characters."""


def look(name: Literal["desktop", "phone"], png: bytes, boxes: Sequence[TextBox] = ()) -> tuple[Shot, Unseen]:
    """The picture's facts, and which of the texts in `boxes` cannot be seen in it."""
    import numpy as np

    pixels = _pixels(png)
    height, width = pixels.shape[:2]
    # Off the grid that layouts love, so that the edges of boxes fall into blocks and not between them.
    part = pixels[3:, 3:]
    rows, columns = part.shape[0] // BLOCK, part.shape[1] // BLOCK
    blocks = part[: rows * BLOCK, : columns * BLOCK].reshape(rows, BLOCK, columns, BLOCK, 3)
    spread = (blocks.max(axis=(1, 3)) - blocks.min(axis=(1, 3))).max(axis=-1)
    shot = Shot(
        name=name,
        width=width,
        height=height,
        sha256=hashlib.sha256(png).hexdigest(),
        ink=round(float((spread > INK_STEP).mean()), 5),
    )
    unseen, characters, hidden = [], 0, 0
    for box in boxes:
        part = pixels[max(box.y, 0) : box.y + box.height, max(box.x, 0) : box.x + box.width]
        if part.shape[0] < 2 or part.shape[1] < 2:
            continue
        characters += box.characters
        if int((part.max(axis=(0, 1)).astype(np.int16) - part.min(axis=(0, 1))).max()) < UNSEEN:
            unseen.append(box.text)
            hidden += box.characters
    return shot, Unseen(
        seen=len(boxes), texts=tuple(unseen[:10]), share=round(hidden / characters, 4) if characters else 0.0
    )


def block_sums(png: bytes) -> Picture:
    """The picture as it is compared."""
    import numpy as np

    pixels = _pixels(png)
    rows, columns = pixels.shape[0] // BLOCK, pixels.shape[1] // BLOCK
    blocks = pixels[: rows * BLOCK, : columns * BLOCK].reshape(rows, BLOCK, columns, BLOCK, 3)
    return Picture(columns=columns, rows=rows, sums=blocks.sum(axis=(1, 3), dtype=np.uint32).astype("<u2").tobytes())


def _pixels(png: bytes) -> "NDArray[np.uint8]":
    import numpy as np
    from PIL import Image, UnidentifiedImageError

    try:
        with Image.open(io.BytesIO(png), formats=["PNG"]) as image:
            return np.asarray(image.convert("RGB"))
    except (UnidentifiedImageError, OSError) as exc:
        raise RenderError("the browser's screenshot is no picture") from exc
