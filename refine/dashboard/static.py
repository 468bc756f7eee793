"""Where the scripts and styles of pages are."""

from pathlib import Path

BROWSER = Path(__file__).parent / "browser"
