"""Messages and replies in the ledger: words by reference, hashes that outlive an erasure."""

from hypothesis import given
from hypothesis import strategies as st

from refine.types import Part, Span
from store.messages import QUOTE_FROM, quote_parts

WORDS = 'The "start" button does nothing when I press it twice.'
SOURCE = Part(WORDS, Span(critique="C", start=100, end=100 + len(WORDS)))


def spans(text: str) -> list[tuple[str, int, int]]:
    return [(part.text, part.span.start, part.span.end) for part in quote_parts(text, [SOURCE]) if part.span]


def test_a_quote_is_cut_out_and_says_where_it_is_from() -> None:
    quoted = "button does nothing when I press it twice."
    at = 100 + WORDS.index(" button")
    assert spans(f"They said ({quoted})") == []  # it begins in the middle of a run
    assert spans(f"They said: {WORDS}") == [(" " + quoted, at, at + 1 + len(quoted))]


def test_a_quote_inside_json_is_found_between_its_escapes() -> None:
    at = 100 + WORDS.index(" button")
    said = '{"claim": "The \\"start\\" button does nothing when I press it twice."}'
    assert spans(said) == [(" button does nothing when I press it twice.", at, 100 + len(WORDS))]


def test_a_few_letters_are_nobodys_words() -> None:
    short = Part("dead button", Span(critique="C", start=0, end=11))
    assert len(short.text) < QUOTE_FROM
    assert [part.span for part in quote_parts("a dead button", [short])] == [None]


def test_a_text_without_a_quote_is_one_part() -> None:
    assert quote_parts("", [SOURCE]) == [Part("")]
    assert quote_parts("nothing of theirs", [SOURCE]) == [Part("nothing of theirs")]


@given(
    st.text(alphabet='ab "\\\n', max_size=60),
    st.lists(st.text(alphabet='ab "\\\n', min_size=1, max_size=40), max_size=4),
)
def test_the_parts_together_are_the_text_and_quotes_are_what_they_say(text: str, sources: list[str]) -> None:
    named = [Part(words, Span(critique=str(n), start=0, end=len(words))) for n, words in enumerate(sources)]
    parts = quote_parts("".join([text, *sources, text]), named)
    assert "".join(part.text for part in parts) == "".join([text, *sources, text])
    for part in parts:
        if part.span is not None:
            assert sources[int(part.span.critique)][part.span.start : part.span.end] == part.text
