import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from refine.artifact import check_files, iter_tags, visible_text
from refine.types import CodeFile, Files


def page(content: str, name: str = "index.html") -> Files:
    return (CodeFile(filename=name, content=content),)


def failed(files: Files, max_bytes: int = 10_000) -> set[str]:
    return {check.name for check in check_files(files, max_bytes) if not check.passed}


@pytest.mark.parametrize(
    "content",
    [
        "<!doctype html><p>Hi",
        "<canvas></canvas>",
        "<body><script>draw()</script>",
        "<div><button></button></div>",
        "<p>x<y",
    ],
)
def test_a_page_that_shows_something_passes(content: str) -> None:
    assert failed(page(content)) == set()


@pytest.mark.parametrize(
    ("files", "names"),
    [
        ((), {"files", "html", "content"}),
        (page("x", "index.js"), {"files", "html", "content"}),
        (page(""), {"html", "content"}),
        (page("just words"), {"html"}),
        (page("<html><head><title>t</title><style>p{}</style></head><body> <!-- x --></body></html>"), {"content"}),
        (page("<p>" + "a" * 10_000), {"size"}),
        (page("<p>x", "../index.html"), {"names"}),
        (page("<p>x") + page("<p>y", "INDEX.html"), {"names"}),
        (page("<p>\x00"), {"text"}),
        ((CodeFile.model_construct(filename="a.html", content="<p>\ud800"),), {"text"}),
    ],
)
def test_the_check_that_fails_names_what_is_wrong(files: Files, names: set[str]) -> None:
    assert failed(files) == names
    assert all(check.detail for check in check_files(files, 10_000) if not check.passed)


def test_tags_come_with_attributes_and_raw_text() -> None:
    html = "<!-- <i> --><A HREF='x>y' b=1 c>t</a><script>if (a<b) '<p>'</script><p/>"
    tags = list(iter_tags(html))
    assert [tag.name for tag in tags] == ["a", "script", "p"]
    assert tags[0].attributes == {"href": "x>y", "b": "1", "c": ""}
    assert tags[1].raw == "if (a<b) '<p>'"
    assert list(visible_text(html)) == ["t"]


@given(st.text(alphabet="<>/!-=\"' abscript\n\u0130\u017f", max_size=200))
@settings(max_examples=300)
def test_any_text_can_be_read_as_markup(html: str) -> None:
    assert all(tag.name for tag in iter_tags(html))
    assert "".join(visible_text(html)).strip() == "" or html.strip()


@pytest.mark.parametrize(
    "piece", ["<", "<a ", "<!--", "<a b='", "<script>", "</", "<a b= ", "<a/", "<textarea", "<p a"]
)
def test_hostile_markup_is_checked_in_linear_time(piece: str) -> None:
    started = time.process_time()
    check_files(page(piece * (300_000 // len(piece))), 1_000_000)
    assert time.process_time() - started < 3
