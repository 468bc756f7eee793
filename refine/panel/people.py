"""The panel of people: its feedback comes by itself."""

from refine.protocols import FeedbackDesk
from refine.types import OpenRound


class PeoplePanel:
    """People lease assignments and submit rankings through the desk when they come; nobody can be made to."""

    async def fill(self, round: OpenRound, desk: FeedbackDesk) -> None:
        """Nothing: the round waits until people have handed in what it wants."""

    def has_news(self) -> bool:
        return False
