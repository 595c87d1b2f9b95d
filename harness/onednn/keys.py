"""By what executions may be put together: each key by its name on the command line."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from harness.observe.isa import isa_of
from harness.observe.onednn.execution import Execution

Key = Callable[[Execution], str]
KEYS: dict[str, Key] = {
    "engine": lambda one: one.engine,
    "primitive": lambda one: one.primitive,
    "direction": lambda one: one.direction,
    "propagation": lambda one: one.propagation,
    "implementation": lambda one: one.implementation,
    "isa": lambda one: isa_of(one.implementation),
    "dtypes": lambda one: one.dtypes,
    "layouts": lambda one: one.layouts,
    "descriptors": lambda one: one.descriptors,
    "attributes": lambda one: one.attributes,
    "post-ops": lambda one: "+".join(op.algorithm for op in one.post_ops),
    "auxiliary": lambda one: one.auxiliary,
    "algorithm": lambda one: one.algorithm,
    "problem": lambda one: one.problem,
}
USUAL = ("primitive", "direction")


def keys_of(text: str) -> tuple[str, ...]:
    """Names with commas between them. ValueError for one that is none.

    >>> keys_of("primitive, isa")
    ('primitive', 'isa')
    """
    names = tuple(dict.fromkeys(name.strip() for name in text.split(",")))
    for name in names:
        if name not in KEYS:
            raise ValueError(
                f"no key is called {name!r}: take some of {', '.join(KEYS)}"
            )
    return names


def values_of(execution: Execution, names: Sequence[str]) -> tuple[str, ...]:
    return tuple(KEYS[name](execution) for name in names)
