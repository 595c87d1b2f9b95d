"""What candidates are compared by: a case without its hardware."""

from __future__ import annotations

from dataclasses import dataclass, replace

from harness.case import Options, instances_of, without_instances


@dataclass(frozen=True, order=True)
class Work:
    """A case without its hardware. The text is its id, without that part."""

    workload: str
    model: str
    compression: str
    runtime: str
    batch_size: int
    options: Options = ()

    def __str__(self) -> str:
        options = (f"{name}={value}" for name, value in self.options)
        axes = (self.workload, self.model, self.compression, self.runtime)
        return "/".join((*axes, f"b{self.batch_size}", *options))

    @property
    def instances(self) -> int | None:
        """How many workers did it at once; None of one alone."""
        return instances_of(self.options)

    @property
    def of_one_instance(self) -> Work:
        return replace(self, options=without_instances(self.options))
