"""Every language says everything, and what is said comes from a catalogue."""

import re

import pytest

from refine.web.catalogue import LOCALES, PSEUDO, TEXTS, Catalogue, choose_locale, dress, load_texts
from refine.web.pages import TEXT_FAMILIES
from refine.web.views import TEMPLATES
from tests.web.sources import STATIC_KEYS, keys_in_templates

PLACES = re.compile(r"\{(\w+)\}")


def test_there_is_a_catalogue_for_each_language_and_no_other() -> None:
    assert {path.stem for path in TEXTS.glob("*.json")} == set(LOCALES)


@pytest.mark.parametrize("locale", LOCALES)
def test_every_key_exists_in_each_language_with_the_same_places(locale: str) -> None:
    english, texts = load_texts("en"), load_texts(locale)
    assert texts.keys() == english.keys()
    assert {key: set(PLACES.findall(text)) for key, text in texts.items()} == {
        key: set(PLACES.findall(text)) for key, text in english.items()
    }
    assert [key for key, text in texts.items() if not text.strip()] == []


@pytest.mark.parametrize("locale", [each for each in LOCALES if each != "en"])
def test_a_translation_is_a_translation(locale: str) -> None:
    english, texts = load_texts("en"), load_texts(locale)
    same = {key for key, text in texts.items() if text == english[key] and re.search(r"[a-z]{3}", text)}
    assert len(same) <= 5, same


def test_every_text_that_is_asked_for_is_there_and_every_text_there_is_asked_for() -> None:
    asked = keys_in_templates(TEMPLATES) | STATIC_KEYS
    known = set(load_texts("en"))
    assert {key for key in asked if not key.endswith(".") and key not in known} == set()
    families = {key for key in asked if key.endswith(".")}
    assert {key for key in known if key not in asked and not any(key.startswith(each) for each in families)} == set()


def test_scripts_get_the_families_they_use() -> None:
    assert {key.partition(".")[0] for key in STATIC_KEYS} <= set(TEXT_FAMILIES) | {"enter", "later", "stand"}


def test_dressing_leaves_places_and_marks_the_ends() -> None:
    assert dress("Page {letter}: go") == "⟦Þáĝé {letter}: ĝó⟧".replace("Þ", "Ƥ")


def test_the_pseudo_locales_have_directions() -> None:
    assert {locale: Catalogue(locale).direction for locale in (*PSEUDO, "en")} == {
        "en-XA": "ltr",
        "ar-XB": "rtl",
        "en": "ltr",
    }


@pytest.mark.parametrize(
    ("asked", "accepts", "chosen"),
    [
        ("es", "vi", "es"),
        (None, "vi-VN,en;q=0.5", "vi"),
        (None, "zh-TW", "zh-Hans"),
        (None, "fr", "en"),
        ("xx", "", "en"),
        (None, "es;q=x, vi;q=0.1", "vi"),
        (None, "en;q=0.1, es;q=0.9", "es"),
    ],
)
def test_the_language_is_what_was_chosen_else_what_the_browser_asks_for(
    asked: str | None, accepts: str, chosen: str
) -> None:
    assert choose_locale(asked, accepts) == chosen
