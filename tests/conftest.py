"""For every test: no settings or keys of the person who runs them, and full counts where they are asked for."""

import os

from hypothesis import HealthCheck, settings

IS_FULL = os.environ.get("REFINE_TEST_FULL") == "1"

_KEPT = ("REFINE_TEST_FULL", "REFINE_CHROMIUM")
for _name in list(os.environ):
    if (_name.startswith("REFINE_") and _name not in _KEPT) or _name.endswith("_API_KEY"):
        del os.environ[_name]

# A busy machine is no failure: hypothesis judges examples, the time-out of pytest judges hangs.
settings.register_profile("house", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.register_profile("full", settings.get_profile("house"), max_examples=2000)
settings.load_profile("full" if IS_FULL else "house")
