"""Tokens say nothing, expire, and are for one audience."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from refine.delivery import Sites, Tokens
from refine.delivery.sites import label_of
from refine.errors import InputError

NOW = datetime(2026, 1, 1, tzinfo=UTC)
TOKENS = Tokens(b"s" * 32, lifetime=timedelta(minutes=30))


def test_a_token_opens_to_what_it_was_minted_for() -> None:
    claims = TOKENS.open(TOKENS.mint("01HX", audience="assignment:7", now=NOW))
    assert claims is not None
    assert (claims.candidate, claims.audience, claims.expires_at) == (
        "01HX",
        "assignment:7",
        NOW + timedelta(minutes=30),
    )


def test_a_token_is_for_its_audience_until_it_expires() -> None:
    claims = TOKENS.open(TOKENS.mint("01HX", audience="ann", now=NOW))
    assert claims is not None
    assert claims.is_for("ann", now=NOW + timedelta(minutes=29))
    assert not claims.is_for("ann", now=NOW + timedelta(minutes=30))
    assert not claims.is_for("bob", now=NOW)


def test_tokens_of_one_candidate_have_nothing_in_common_and_hold_no_name() -> None:
    minted = [TOKENS.mint("01HXCANDIDATE", audience="ann", now=NOW) for _ in range(50)]
    assert len({token[:6] for token in minted}) == 50
    assert len({len(TOKENS.mint(name, audience="ann", now=NOW)) for name in ("a", "candidate-7", "01HXCANDIDATE")}) == 1
    assert len({label_of(token) for token in minted}) == 50


@given(st.integers(0, 200), st.integers(1, 255))
def test_a_changed_token_opens_to_nothing(place: int, change: int) -> None:
    import base64

    token = TOKENS.mint("01HX", audience="ann", now=NOW)
    raw = bytearray(base64.urlsafe_b64decode(token + "=" * (-len(token) % 4)))
    raw[place % len(raw)] ^= change
    assert TOKENS.open(base64.urlsafe_b64encode(bytes(raw)).decode().rstrip("=")) is None


@given(st.text(max_size=60))
def test_whatever_is_no_token_opens_to_nothing(text: str) -> None:
    assert TOKENS.open(text) is None


def test_another_secret_opens_nothing() -> None:
    assert Tokens(b"t" * 32).open(TOKENS.mint("01HX", audience="ann")) is None


def test_a_short_secret_is_refused() -> None:
    with pytest.raises(InputError, match="32 random"):
        Tokens(b"short")


@pytest.mark.parametrize(
    "frames", ["http://frames.example", "http://{label}.example/path", "ftp://{label}.example", "x"]
)
def test_an_origin_without_a_place_for_the_label_is_refused(frames: str) -> None:
    with pytest.raises(InputError):
        Sites(host="http://localhost:8000", frames=frames)


def test_only_hosts_of_frames_count_as_such() -> None:
    sites = Sites(host="http://localhost:8000", frames="http://{label}.localhost:8000")
    label = label_of("token")
    assert sites.is_frame_host(f"{label}.localhost:8000")
    wrong = [
        f"{label}.localhost:8001",
        f"{label}.evil.example",
        "localhost:8000",
        "x.localhost:8000",
        f"a.{label}.localhost:8000",
    ]
    assert [host for host in wrong if sites.is_frame_host(host)] == []
