"""Whether what brings a runtime or a search is installed here, and what to do."""

from collections.abc import Mapping
from importlib.util import find_spec


def why_not_installed(
    name: str, packages: Mapping[str, str], note: str = ""
) -> str | None:
    """What `name` lacks, None for nothing. `packages` has, by the module that is
    imported, the package that brings it; a `note` says where there are none.

    >>> why_not_installed("onnxruntime", {"no_such_module": "no-such-package"})
    'onnxruntime needs no-such-package: run `pip install no-such-package`'
    """
    for module, package in packages.items():
        if find_spec(module) is None:
            known = f" ({note})" if note else ""
            return f"{name} needs {package}{known}: run `pip install {package}`"
    return None
