"""What the page says: one JSON file a language, with the same keys in each.

Two pseudo-locales show what was forgotten: `en-XA` dresses every text of the catalogue, so that what stays plain is
written into the code; `ar-XB` does the same from right to left. Neither is offered to labelers.
"""

import json
import re
from collections.abc import Mapping
from functools import cache
from pathlib import Path

TEXTS = Path(__file__).parent / "texts"
LOCALES = {"en": "English", "vi": "Tiếng Việt", "zh-Hans": "简体中文", "es": "Español"}
"""As the people who read them call them."""
PSEUDO = {"en-XA": "ltr", "ar-XB": "rtl"}
DEFAULT = "en"
_PLAIN = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
_DRESSED = "áƀçđéƒĝĥíĵķļɱñóƥɋřšţúṽŵẋýžÁƁÇĐÉƑĜĤÍĴĶĻṀÑÓƤɊŘŠŢÚṼŴẊÝŽ"
_DRESS = str.maketrans(_PLAIN, _DRESSED)


class Catalogue:
    """The texts of one language."""

    def __init__(self, locale: str) -> None:
        self.locale = locale
        self.direction = PSEUDO.get(locale, "ltr")
        self.texts: Mapping[str, str] = load_texts(locale)

    def say(self, key: str, **values: object) -> str:
        """Raises KeyError for a text or a value that is not there: a test asks for them all."""
        return self.texts[key].format(**values) if values else self.texts[key]

    def of(self, families: tuple[str, ...]) -> dict[str, str]:
        """Texts for scripts: those whose key begins with one of these words."""
        return {key: text for key, text in self.texts.items() if key.partition(".")[0] in families}


@cache
def load_texts(locale: str) -> Mapping[str, str]:
    if locale in PSEUDO:
        return {key: dress(text) for key, text in load_texts(DEFAULT).items()}
    texts: dict[str, str] = json.loads((TEXTS / f"{locale}.json").read_text(encoding="utf-8"))
    return texts


@cache
def catalogue(locale: str) -> Catalogue:
    return Catalogue(locale)


def dress(text: str) -> str:
    """The text with every letter dressed, in marks that show where it begins and ends; `{places}` stay as they are."""
    parts = re.split(r"(\{[a-z_]+\})", text)
    return "⟦" + "".join(part if part.startswith("{") else part.translate(_DRESS) for part in parts) + "⟧"


def choose_locale(asked: str | None, accepts: str) -> str:
    """What the labeler chose, else the first that their browser asks for and we have, else English."""
    if asked in LOCALES or asked in PSEUDO:
        return str(asked)
    for wanted in _wanted(accepts):
        for locale in LOCALES:
            if wanted == locale.lower() or wanted.partition("-")[0] == locale.lower().partition("-")[0]:
                return locale
    return DEFAULT


def _wanted(accepts: str) -> list[str]:
    """Of an Accept-Language header, most wanted first."""
    found = []
    for part in accepts[:400].split(","):
        name, _, weight = part.strip().lower().partition(";q=")
        try:
            found.append((-float(weight or 1), name))
        except ValueError:
            continue
    return [name for _, name in sorted(found, key=lambda each: each[0])]
