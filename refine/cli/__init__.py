"""The command line: commands parse, call one use case and show what came back."""

__all__ = ["main"]


def main() -> None:
    """The console command. Ends the process with the exit code of the command."""
    from refine.cli.app import app

    app()
