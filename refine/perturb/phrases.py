"""What people say besides flaws: praise, in the two halves of the phrase bank, and words that say nothing."""

PRAISES: tuple[str, ...] = (
    "I like the clear title",
    "The layout is clean",
    "The colors are pleasant",
    "The light and dark switch is a nice touch",
    "The instructions are clear",
    "It is fun to use",
    "The page is easy to understand",
)
"""The scripted model understands these as praise."""

HELD_OUT_PRAISES: tuple[str, ...] = (
    "Whoever picked the tones has taste",
    "I smiled while trying it",
    "My grandmother would cope with it at once",
)

EMPTY_REMARKS: tuple[str, ...] = ("nice", "ok", "good", "cool", "fine", "no comment", "looks good")
"""Nothing can be learnt from these."""
