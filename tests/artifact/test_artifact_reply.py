import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from refine.artifact import parse_files

PAGE = "<!doctype html>\n<html><body><button>Go</button></body></html>\n"


def contents(reply: str, **options: str) -> dict[str, str]:
    parsed = parse_files(reply, **options)
    assert parsed.problem is None, parsed
    return {file.filename: file.content for file in parsed.files}


@pytest.mark.parametrize(
    "reply",
    [
        f"Here you are.\n\n```html index.html\n{PAGE}```\nEnjoy!",
        f"```html\n{PAGE}```",
        f"~~~html\n{PAGE}~~~",
        f"`````html\n{PAGE}`````",
        f"```html:index.html\n{PAGE}```",
        f"```html filename=index.html\n{PAGE}```",
        f'```html title="index.html"\n{PAGE}```',
        f"```index.html\n{PAGE}```",
        f"```\n{PAGE}```",
        f"### index.html\n\n```html\n{PAGE}```",
        f"**index.html**\n```html\n{PAGE}```",
        f"Save this as `index.html`:\n```html\n{PAGE}```",
        f"```markdown\n```html\n{PAGE}```\n```",
        f"````\n```html\n{PAGE}```\n````",
        f"<think>\n```html\n<html>old</html>\n```\n</think>\n```html\n{PAGE}```",
        f"```html\n{PAGE}",
    ],
)
def test_a_page_is_found_however_it_is_fenced(reply: str) -> None:
    assert contents(reply) == {"index.html": PAGE}


def test_a_page_without_fences_is_cut_out_of_the_prose() -> None:
    parsed = parse_files(f"Sure!\n{PAGE}NOT APPLIED i1: no")
    assert parsed.files[0].content == PAGE.rstrip("\n")
    assert "NOT APPLIED i1: no" in parsed.prose and "Sure!" in parsed.prose


def test_line_ends_of_the_content_are_kept() -> None:
    page = PAGE.replace("\n", "\r\n")
    assert contents(f"```html\r\n{page}```\r\n") == {"index.html": page}


def test_several_files_keep_their_names_and_order() -> None:
    reply = f"```html index.html\n{PAGE}```\ntext\n```js index.js\nlet a = 1;\n```\n"
    assert list(contents(reply).items()) == [("index.html", PAGE), ("index.js", "let a = 1;\n")]


def test_an_unnamed_script_gets_the_name_the_page_refers_to() -> None:
    page = PAGE.replace("<button>", '<script src="./game.js"></script><button>')
    assert contents(f"```html\n{page}```\n```javascript\nrun()\n```") == {"index.html": page, "game.js": "run()\n"}


def test_a_snippet_in_the_explanation_is_not_a_file() -> None:
    snippets = "```bash\nopen index.html\n```\nI used\n```js\nlet x\n```\n```html\n<div>x</div>\n```"
    reply = f"```html\n{PAGE}```\nRun it with:\n{snippets}"
    assert contents(reply) == {"index.html": PAGE}


def test_the_last_whole_page_wins() -> None:
    better = PAGE.replace("Go", "Start")
    assert contents(f"```html\n{PAGE}```\nBetter:\n```html\n{better}```") == {"index.html": better}


def test_a_name_in_the_first_comment_is_used_and_kept() -> None:
    page = "<!-- quiz.html -->\n" + PAGE
    assert contents(f"```html\n{page}```") == {"quiz.html": page}


def test_an_unnamed_page_takes_the_entry_name_asked_for() -> None:
    assert contents(f"```html\n{PAGE}```", entry="page.html") == {"page.html": PAGE}


@pytest.mark.parametrize(
    ("reply", "finish_reason", "problem"),
    [
        ("", "stop", "empty"),
        (" \n", "stop", "empty"),
        ("", "length", "truncated"),
        ("<think>so", "stop", "empty"),
        ("```html index.html\n<!doctype html><html><bo", "stop", "truncated"),
        (f"```html index.html\n{PAGE}```\n```js index.js\nlet a", "stop", "truncated"),
        ("<!doctype html><html><script>let a", "stop", "truncated"),
        ("<!doctype html><html><body>Hi", "length", "truncated"),
        ("I'm sorry, but I can't help with that.", "stop", "refusal"),
        ("anything", "content_filter", "refusal"),
        ("A quiz has questions.", "stop", "not_html"),
        ("```css\nbody {}\n```", "stop", "not_html"),
        ('{"files": []}', "stop", "not_html"),
        (f"```html ../../index.html\n{PAGE}```", "stop", "unsafe_filename"),
        (f"```html /etc/index.html\n{PAGE}```", "stop", "unsafe_filename"),
        ("```html index.html\n\n```", "stop", "empty"),
        ("```html\n<html>\ud800</html>\n```", "stop", "not_unicode"),
        ("```html\n<html>`x\n```\n</html>\n```", "stop", "truncated"),
        ("".join(f"```html p{n}.html\n{PAGE}```\n" for n in range(30)), "stop", "too_many_files"),
        ("```html\n<p></p>\n```\n" * 300, "stop", "too_many_files"),
    ],
)
def test_the_reason_why_a_reply_cannot_be_used_is_named(reply: str, finish_reason: str, problem: str) -> None:
    parsed = parse_files(reply, finish_reason=finish_reason)
    assert (parsed.problem, parsed.files) == (problem, ())
    assert parsed.detail


def test_a_page_without_its_closing_tag_is_complete_when_the_model_stopped_by_itself() -> None:
    assert contents("<!doctype html><p>Hi") == {"index.html": "<!doctype html><p>Hi"}


REPLY = st.lists(
    st.sampled_from(
        [
            "```",
            "~~~",
            "````",
            "html",
            " index.html",
            "\n",
            "\r\n",
            PAGE,
            "<html>",
            "</html>",
            "../",
            "<think>",
            "**a.js**",
            "filename=",
            '"',
            ":",
            "`",
            "`" * 9,
        ]
    )
    | st.text(max_size=20),
    max_size=30,
).map("".join)


@given(REPLY, st.sampled_from(["stop", "length", "content_filter"]))
@settings(max_examples=300, deadline=None)
def test_any_text_gives_files_or_a_problem(reply: str, finish_reason: str) -> None:
    parsed = parse_files(reply, finish_reason=finish_reason)
    assert bool(parsed.files) == (parsed.problem is None)


@pytest.mark.parametrize(
    "piece", ["```\n", "```html\n", "`", "<html ", "a.", "src=", "**a.html**\n```\n```\n", "<!-- ", "</html "]
)
def test_a_hostile_reply_is_read_in_linear_time(piece: str) -> None:
    reply = piece * (400_000 // len(piece))
    started = time.process_time()
    parse_files("x" * 390 + "\n" + reply)
    parse_files("<html>" + reply)
    assert time.process_time() - started < 3
