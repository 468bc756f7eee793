"""The length of a control tells nothing of which of two pages it is."""

import statistics

from hypothesis import given, settings
from hypothesis import strategies as st

from refine.perturb import even_out, propose, read_source
from refine.types import CodeFile, Files
from tests.perturb.conftest import load_pages

PAGES = load_pages()


def grown(before: Files, after: Files) -> int:
    return sum(len(it.content.encode()) for it in after) - sum(len(it.content.encode()) for it in before)


def test_copies_are_shorter_as_often_as_longer_and_are_undone_byte_for_byte() -> None:
    raw, evened = [], []
    for files in PAGES.values():
        for seed in range(2):
            for _, made in zip(range(3), propose(files, seed=seed), strict=False):
                copy = even_out(made)
                assert copy.undo() == files and copy == even_out(made)
                assert read_source(copy.files).errors <= read_source(files).errors
                if grown(files, made.files):
                    raw.append(grown(files, made.files) > 0)
                    evened.append((grown(files, copy.files) > 0) + 0.5 * (grown(files, copy.files) == 0))
    assert statistics.mean(raw) > 0.7, "else there would be nothing to even out"
    assert 0.35 < statistics.mean(evened) < 0.65


SCRIPT = """<style>
  p {
    color: #222;
  }
  p::after { content: "a \\
    b"; }
</style><pre>
    kept
</pre><script>
    const text = `line
        kept`;
    /* kept
         too */
    function go() {
        return text;
    }
</script>"""


@given(st.integers(0, 10_000))
@settings(max_examples=40)
def test_only_blanks_at_the_beginning_of_a_line_of_code_are_changed(seed: int) -> None:
    files = (
        CodeFile(filename="index.html", content=SCRIPT + '<p class="wide">One week has 7 days</p><button>Go</button>'),
    )
    for made in propose(files, seed=seed):
        copy = even_out(made)
        for edit in copy.edits[len(made.edits) :]:
            assert not edit.old.strip() and not edit.new.strip()
        for kept in ("\n        kept`", "\n    kept\n", "\n         too", '\\\n    b"'):
            assert (kept in copy.files[0].content) == (kept in made.files[0].content)
        break


def test_a_page_without_indents_stays_as_it_is() -> None:
    files = (CodeFile(filename="index.html", content="<p>One week has 7 days</p>"),)
    for made in propose(files, seed=1):
        assert even_out(made).files == made.files
