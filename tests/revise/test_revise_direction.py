import pytest

from refine.revise.direction import find_direction


@pytest.mark.parametrize(
    ("claim", "direction"),
    [
        ("Make the ball faster", ("speed", 1)),
        ("The ball is too fast.", ("speed", -1)),
        ("much too slow", ("speed", 1)),
        ("The text isn't big enough", ("size", 1)),
        ("The text is not large enough", ("size", 1)),
        ("reduce the title", ("size", -1)),
        ("less bright, darker", ("light", -1)),
        ("Too few; add more questions", ("amount", 1)),
        ("The fast answer is wrong", None),
        ("Do not make it bigger", None),
        ("bigger title, smaller text", None),
        ("The timer no longer works", None),
        ("", None),
    ],
)
def test_a_claim_pulls_the_way_it_asks(claim: str, direction: tuple[str, int] | None) -> None:
    assert find_direction(claim) == direction
