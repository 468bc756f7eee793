"""Where feedback comes from: people, a file, a simulation. One short module for each kind of panel."""

from refine.errors import InputError
from refine.protocols import Panel
from refine.settings import ProjectSettings

__all__ = ["open_panel"]


def open_panel(settings: ProjectSettings) -> Panel:
    """The panel that the settings name. Raises InputError when its file cannot be read or there is no such panel."""
    kind, _, argument = settings.panel.partition(":")
    if kind == "simulated":
        from refine.panel.simulated import SimulatedPanel

        return SimulatedPanel(settings.seed, settings.mix)
    if kind == "people":
        from refine.panel.people import PeoplePanel

        return PeoplePanel()
    if kind == "import" and argument:
        from refine.panel.import_file import ImportPanel

        return ImportPanel(argument)
    raise InputError(f"unknown panel {settings.panel!r}; expected simulated, people or import:FILE")
