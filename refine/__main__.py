"""`python -m refine` is the `refine` command."""

from refine.cli import main

main()
