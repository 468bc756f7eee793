import subprocess
import sys

import pytest

import refine.ranking


def test_every_public_name_can_be_loaded() -> None:
    assert dir(refine.ranking) == sorted(refine.ranking.__all__)
    for name in refine.ranking.__all__:
        assert callable(getattr(refine.ranking, name)), name


def test_an_unknown_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="nothing_like_it"):
        _ = refine.ranking.nothing_like_it


def test_importing_the_package_verdicts_and_audits_brings_no_numpy() -> None:
    code = "import sys, refine.ranking, refine.ranking.verdict, refine.ranking.audit; sys.exit('numpy' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
