"""Use cases: what faces (command line, pages, notebooks) call. `Refiner` is the way in."""

from refine.api._packages import check_own_packages

check_own_packages("graphs", "store")  # before anything imports them

from refine.api.blocking import BlockingRefiner  # noqa: E402
from refine.api.opening import prepare_project  # noqa: E402
from refine.api.refiner import Refiner  # noqa: E402
from refine.api.runner import Progress  # noqa: E402

__all__ = ["BlockingRefiner", "Progress", "Refiner", "prepare_project"]
