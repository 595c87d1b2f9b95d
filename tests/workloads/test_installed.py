import pytest

from workloads.installed import why_not_installed


def test_what_is_here_lacks_nothing():
    assert why_not_installed("numpy", {"numpy": "numpy"}) is None


@pytest.mark.parametrize(
    ("note", "known"), [("", ""), ("wheels up to 3.12", " (wheels up to 3.12)")]
)
def test_the_package_to_install_is_named_not_the_module(note, known):
    packages = {"numpy": "numpy", "absent_module": "absent-package"}
    assert why_not_installed("search", packages, note) == (
        f"search needs absent-package{known}: run `pip install absent-package`"
    )
