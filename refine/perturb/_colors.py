"""CSS colours: reading them, the contrast of two (WCAG 2.2), and the mix that has a given contrast."""

import colorsys
import re

Color = tuple[float, float, float]
"""Red, green and blue, 0 to 1, in sRGB."""

WHITE: Color = (1.0, 1.0, 1.0)
_NAMED = {
    "black": "000000",
    "white": "ffffff",
    "red": "ff0000",
    "green": "008000",
    "blue": "0000ff",
    "gray": "808080",
    "grey": "808080",
    "silver": "c0c0c0",
    "navy": "000080",
    "teal": "008080",
    "purple": "800080",
    "maroon": "800000",
    "olive": "808000",
    "yellow": "ffff00",
    "orange": "ffa500",
    "lime": "00ff00",
    "aqua": "00ffff",
    "cyan": "00ffff",
    "fuchsia": "ff00ff",
    "magenta": "ff00ff",
    "pink": "ffc0cb",
    "gold": "ffd700",
    "indigo": "4b0082",
    "darkblue": "00008b",
    "darkgray": "a9a9a9",
    "darkgrey": "a9a9a9",
    "dimgray": "696969",
    "lightgray": "d3d3d3",
    "lightgrey": "d3d3d3",
    "whitesmoke": "f5f5f5",
    "crimson": "dc143c",
    "tomato": "ff6347",
    "steelblue": "4682b4",
    "royalblue": "4169e1",
    "darkgreen": "006400",
    "darkred": "8b0000",
}
_HEX = re.compile(r"#([0-9a-fA-F]{3,8})$")
_CALL = re.compile(
    r"(rgb|hsl)a?\(\s*([\d.]+)(?:deg)?[\s,]+([\d.]+)%?[\s,]+([\d.]+)%?\s*(?:[,/]\s*[\d.]+%?\s*)?\)$", re.I
)
_ANYWHERE = re.compile(r"#[0-9a-fA-F]{3,8}\b|(?:rgb|hsl)a?\([^()]*\)|\b[a-z]{3,12}\b", re.IGNORECASE)


def parse_color(text: str) -> Color | None:
    """A colour as CSS writes it, its transparency left out; None for anything else."""
    text = text.strip().lower()
    digits = _NAMED.get(text) or (found[1] if (found := _HEX.match(text)) else None)
    if digits is not None:
        if len(digits) in (3, 4):
            digits = "".join(2 * digit for digit in digits[:3])
        if len(digits) not in (6, 8):
            return None
        return (int(digits[:2], 16) / 255, int(digits[2:4], 16) / 255, int(digits[4:6], 16) / 255)
    call = _CALL.match(text)
    if call is None:
        return None
    try:
        one, two, three = (float(call[index]) for index in (2, 3, 4))
    except ValueError:
        return None
    if call[1].lower() == "hsl":
        return colorsys.hls_to_rgb(one % 360 / 360, min(three / 100, 1.0), min(two / 100, 1.0))
    return (min(one / 255, 1.0), min(two / 255, 1.0), min(three / 255, 1.0))


def first_color(text: str) -> Color | None:
    """The first colour in a value such as a gradient; only its beginning is read."""
    return next((color for word in _ANYWHERE.findall(text[:400]) if (color := parse_color(word)) is not None), None)


def hex_of(color: Color) -> str:
    return "#" + "".join(f"{round(255 * part):02x}" for part in color)


def contrast(one: Color, other: Color) -> float:
    """The ratio of WCAG 2.2, from 1 to 21."""
    light, dark = sorted((_luminance(one), _luminance(other)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


def fade(color: Color, ground: Color, ratio: float) -> Color | None:
    """The colour moved towards the ground until their contrast is about `ratio`; None where it is lower already."""
    if contrast(color, ground) <= ratio:
        return None
    low, high = 0.0, 1.0
    for _ in range(20):
        middle = (low + high) / 2
        if contrast(_mix(color, ground, middle), ground) > ratio:
            low = middle
        else:
            high = middle
    return _mix(color, ground, high)


def _mix(one: Color, other: Color, share: float) -> Color:
    red, green, blue = (a + (b - a) * share for a, b in zip(one, other, strict=True))
    return (red, green, blue)


def _luminance(color: Color) -> float:
    red, green, blue = (part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in color)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue
