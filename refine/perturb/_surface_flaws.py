"""Flaws in how a page looks, whom it shuts out and how long it takes."""

from refine.perturb.flaw import Flaw, Pair

LOOK: tuple[Flaw, ...] = (
    Flaw(
        name="contrast",
        channel="look",
        severity=0.24,
        notice="The text is too pale to read.",
        claim="The text has too little contrast",
        phrases=(
            "The text has too little contrast",
            "The text is too pale to read",
            "Low contrast text",
            "Light gray text on white is hard to read",
        ),
        held_out_phrases=(
            "I have to squint because the letters fade into the background",
            "The words are barely there",
            "Everything looks washed out",
        ),
        pairs=(Pair("--ink: #1d2433;", "--ink: #ccd1da;"),),
    ),
    Flaw(
        name="cramped",
        channel="look",
        severity=0.10,
        notice="Everything sticks together.",
        claim="The spacing is too tight",
        phrases=(
            "The spacing is too tight",
            "Everything is cramped",
            "There is no space between things",
            "It needs more white space",
        ),
        held_out_phrases=(
            "Let it breathe a little",
            "The pieces sit on top of one another",
            "It feels like a crowded elevator",
        ),
        pairs=(Pair("--gap: 1rem;", "--gap: 0.1rem;"),),
    ),
    Flaw(
        name="overflow",
        channel="look",
        severity=0.18,
        notice="The page is wider than the screen.",
        claim="The page is wider than the screen",
        phrases=(
            "The page is wider than the screen",
            "I have to scroll sideways",
            "The content overflows to the right",
            "It does not fit on my phone",
        ),
        held_out_phrases=(
            "Half of it hides beyond the edge",
            "On a small display the rest is cut off",
            "My window would need to be twice as large",
        ),
        pairs=(Pair("max-width: 44rem;", "width: 1500px;"),),
    ),
    Flaw(
        name="tiny_text",
        channel="look",
        severity=0.14,
        notice="The text is too small.",
        claim="The text is too small",
        phrases=(
            "The text is too small",
            "The font is tiny",
            "The letters are too small to read",
            "Please make the font bigger",
        ),
        held_out_phrases=(
            "I needed my reading glasses",
            "Ants could read this comfortably",
            "I had to zoom in a lot",
        ),
        pairs=(Pair("  font-size: 1rem;", "  font-size: 0.55rem;"),),
    ),
    Flaw(
        name="misaligned",
        channel="look",
        severity=0.12,
        notice="The boxes are shifted out of line.",
        claim="The boxes are out of line with the rest",
        phrases=(
            "The boxes are out of line",
            "The layout is misaligned",
            "The panels are shifted to the right",
            "Things are not aligned",
        ),
        held_out_phrases=(
            "The left edges zigzag down the page",
            "It looks as if someone bumped the furniture",
            "The sections wander off to one side",
        ),
        pairs=(Pair("  margin: 0 0 var(--gap) 0;\n  padding", "  margin: 0 -3rem var(--gap) 5rem;\n  padding"),),
    ),
    Flaw(
        name="garish",
        channel="look",
        severity=0.10,
        notice="Thick loud borders.",
        claim="The borders are loud and ugly",
        phrases=(
            "The borders are loud and ugly",
            "The pink borders are garish",
            "The thick dashed borders hurt my eyes",
            "Ugly borders around the boxes",
        ),
        held_out_phrases=(
            "Those frames belong on a circus poster",
            "Tone down the outline of the sections",
            "Magenta everywhere, please no",
        ),
        pairs=(
            Pair(
                "  border: 1px solid var(--line);\n  border-radius: 12px;",
                "  border: 9px dashed #ff00ea;\n  border-radius: 12px;",
            ),
        ),
    ),
)

ACCESSIBILITY: tuple[Flaw, ...] = (
    Flaw(
        name="missing_label",
        channel="accessibility",
        severity=0.07,
        notice="A field has no label that a screen reader could read.",
        claim="The input field has no label",
        phrases=(
            "The input field has no label",
            "A form field is not labelled",
            "The screen reader does not name the field",
            "Missing label on the input",
        ),
        held_out_phrases=(
            "My assistive software only says edit blank",
            "Blind visitors cannot tell what to type there",
            "Clicking the caption does not focus the box beside it",
        ),
        pairs=tuple(
            Pair(f'<label for="{field}">{text}</label>', f'<span class="caption">{text}</span>')
            for field, text in (
                ("name", "Your name"),
                ("minutes", "Minutes"),
                ("digits", "Decimals shown"),
                ("entry", "What needs doing"),
                ("speed", "Speed"),
                ("value", "New value"),
                ("peek", "Peek for seconds"),
                ("size", "Size"),
            )
        ),
    ),
    Flaw(
        name="missing_alt",
        channel="accessibility",
        severity=0.05,
        notice="The picture has no text for those who cannot see it.",
        claim="The image has no alt text",
        phrases=(
            "The image has no alt text",
            "Missing alt text on the picture",
            "The logo has no text alternative",
            "The picture is not described for screen readers",
        ),
        held_out_phrases=(
            "Without eyesight the mark at the top stays a mystery",
            "VoiceOver reads a long data address for the icon",
            "The icon has no words behind it",
        ),
        pairs=(Pair('\n  alt="The mark of this page: a filled circle">', '\n  class="mark">'),),
    ),
    Flaw(
        name="no_focus",
        channel="accessibility",
        severity=0.06,
        notice="Keyboard focus cannot be seen.",
        claim="The keyboard focus is invisible",
        phrases=(
            "The keyboard focus is invisible",
            "There is no focus outline",
            "I cannot see which control has focus",
            "No visible focus ring",
        ),
        held_out_phrases=(
            "Tabbing through I get lost",
            "Where am I after pressing tab",
            "It hides which element is active when I leave the mouse alone",
        ),
        pairs=(Pair(":focus-visible { outline: 3px solid", ":focus-visible { outline: 0 solid"),),
    ),
    Flaw(
        name="small_target",
        channel="accessibility",
        severity=0.09,
        notice="Buttons are too small to hit.",
        claim="The buttons are too small to hit",
        phrases=(
            "The buttons are too small",
            "Hard to hit the small buttons",
            "The click targets are tiny",
            "The controls are too small for my fingers",
        ),
        held_out_phrases=(
            "My thumb always lands on the neighbor",
            "You need a needle to operate this",
            "I miss what I aim for half of the time",
        ),
        pairs=(Pair("  min-height: 44px;\n  padding: 0.3em 0.9em;", "  max-height: 15px;\n  padding: 0 0.1em;"),),
    ),
    Flaw(
        name="no_keyboard",
        channel="accessibility",
        severity=0.05,
        notice="The keyboard shortcut does not work.",
        claim="The R key does not start again",
        phrases=(
            "The R key does not start again",
            "The keyboard shortcut does not work",
            "Pressing R does nothing",
            "The shortcut key is broken",
        ),
        held_out_phrases=(
            "The promised letter has no power",
            "Without a mouse I could not begin anew",
            "The hint about typing a character is a lie",
        ),
        pairs=(Pair('if (event.key === "r") restart();', 'if (event.key === "F13") restart();'),),
    ),
)

LATENCY: tuple[Flaw, ...] = (
    Flaw(
        name="lag",
        channel="latency",
        severity=0.20,
        notice="Everything reacts late.",
        claim="The page reacts with a long delay",
        phrases=(
            "The page reacts with a long delay",
            "It is laggy",
            "Every click takes over a second to show",
            "It responds too slowly",
        ),
        held_out_phrases=(
            "I could make tea between pressing and seeing",
            "The picture trails behind my hand",
            "Patience is needed for each single press",
        ),
        pairs=(Pair("  requestAnimationFrame(paint);", "  setTimeout(paint, 1500);"),),
    ),
    Flaw(
        name="slow_start",
        channel="latency",
        severity=0.16,
        notice="The page is empty for seconds after loading.",
        claim="The page takes seconds to start",
        phrases=(
            "The page takes seconds to start",
            "It loads too slowly",
            "It stays empty for seconds after loading",
            "Slow to start",
        ),
        held_out_phrases=(
            "At first I thought it was blank forever",
            "The beginning keeps me waiting",
            "It needs ages until anything turns up",
        ),
        pairs=(Pair("const START_AFTER_MS = 0;", "const START_AFTER_MS = 4000;"),),
    ),
)
