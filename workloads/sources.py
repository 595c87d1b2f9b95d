"""Which of the project's files a module runs: itself, all that these import, and the
data (TOML) beside them: not beside a user's file, whose folder may hold anything."""

from __future__ import annotations

import ast
import hashlib
from collections.abc import Iterator
from functools import cache
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
PACKAGES = ("workloads", "basics")


def code_sha256(module: Path) -> str:
    """Of all files in `files_of`, with their names."""
    total = hashlib.sha256()
    for path in files_of(module):
        name = path.relative_to(ROOT) if path.is_relative_to(ROOT) else path.name
        content = path.read_bytes()
        total.update(f"{name} {len(content)}\n".encode())
        total.update(content)
    return total.hexdigest()


def files_of(module: Path) -> list[Path]:
    """The file of a module and those of PACKAGES that it imports, or one of these
    does, wherever in the file, and data files beside them, sorted.

    >>> module = ROOT / "workloads" / "training" / "weights.py"
    >>> found = [path.name for path in files_of(module)]
    >>> "cache.py" in found, "sources.py" in found
    (True, False)
    """
    found, waiting = set[Path](), [module.resolve()]
    while waiting:
        if (path := waiting.pop()) not in found:
            found.add(path)
            waiting += _imported(path, path.stat().st_mtime_ns)
    own = {path.parent for path in found if path.is_relative_to(ROOT)}
    return sorted(found.union(*(folder.glob("*.toml") for folder in own)))


@cache
def _imported(path: Path, _changed_ns: int) -> tuple[Path, ...]:
    """Those of the packages around an imported module run before it."""
    names = {
        ".".join(parts[: end + 1])
        for name in _names(ast.parse(path.read_bytes(), str(path)))
        if (parts := name.split("."))[0] in PACKAGES
        for end in range(len(parts))
    }
    return tuple(filter(None, map(_file_of, sorted(names))))


def _names(tree: ast.AST) -> Iterator[str]:
    """Dotted names that may be modules: `from a import b` may mean a.b."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def _file_of(name: str) -> Path | None:
    place = ROOT.joinpath(*name.split("."))
    files = (place.with_suffix(".py"), place / "__init__.py")
    return next((path for path in files if path.is_file()), None)
