"""The parent's side of the sweep: which trials are run where, within a budget of time,
and what is known when a worker dies over one of them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from time import monotonic

from harness.hardware import ISA_NAMES
from harness.observe.kernel_sweep.limits import wrong
from harness.observe.kernel_sweep.messages import (
    Absent,
    Died,
    Late,
    Message,
    TriedMessage,
    TryingMessage,
)
from harness.observe.kernel_sweep.shapes import Trial

# Of the budget, to which point each runtime's trials may last; what is left over is for
# trying caps on instruction sets. What one does not need, the next has.
UNTIL = {"onnxruntime": 0.15, "openvino": 0.45, "torch": 0.88}
HUNG_S = 20.0  # a trial takes milliseconds; compiling one, or its first, a few seconds
Listener = Callable[[str, int, int], None]  # runtime, trials done and of how many


@dataclass(frozen=True)
class Request:
    """Trials for a process of its own, capped at `isa` where that is one."""

    runtime: str
    trials: Sequence[Trial]
    isa: str | None
    limit_s: float


# Yields what a worker sends; the last may be Died, Late or Absent.
Runner = Callable[[Request], Iterator[Message]]


@dataclass
class Tried:
    """A trial's relative errors by direction, None for what is no number.

    Of wrong ones: the kernels by direction, and of each way round that was tried the
    directions that it makes right. `reason` is why the runtime does not offer it.
    """

    trial: Trial
    errors: dict[str, float | None]
    kernels: dict[str, str | None] = field(default_factory=dict)
    ways: dict[str, list[str]] = field(default_factory=dict)
    reason: str | None = None

    @property
    def wrong(self) -> list[str]:
        return wrong(self.errors, *self.trial.family)


@dataclass(frozen=True)
class Crash:
    """A trial that ended its process, or a process that ended before any; `lost` trials
    of its family were not tried."""

    runtime: str
    trial: Trial | None
    reason: str
    lost: int


@dataclass
class Sweep:
    """What was found. `left_out` counts what there was no time for, by runtime;
    `absent` says why a runtime is not here."""

    tried: list[Tried] = field(default_factory=list)
    crashes: list[Crash] = field(default_factory=list)
    left_out: Counter[str] = field(default_factory=Counter)
    absent: dict[str, str] = field(default_factory=dict)
    seconds: float = 0.0

    @property
    def wrong(self) -> list[Tried]:
        return [one for one in self.tried if one.wrong]

    @property
    def checks(self) -> int:
        return sum(len(one.errors) for one in self.tried)

    @property
    def is_bad(self) -> bool:
        return bool(self.wrong or self.crashes)


def sweep(
    trials: Mapping[str, Sequence[Trial]],
    run: Runner,
    budget_s: float,
    isas: Sequence[str] = (),
    listen: Listener = lambda runtime, done, total: None,
    now_s: Callable[[], float] = monotonic,
) -> Sweep:
    """All trials of each runtime, then those that are wrong under lower caps on
    instruction sets, of those that are here."""
    found, began_s = Sweep(), now_s()
    for runtime, some in trials.items():
        until_s = began_s + budget_s * UNTIL[runtime]
        _Runtime(runtime, run, until_s, listen, now_s, found).sweep(some)
    for isa in lower(isas):
        _try_cap(found, run, isa, began_s + budget_s, now_s)
    found.seconds = now_s() - began_s
    return found


def lower(isas: Sequence[str]) -> list[str]:
    """Those below the highest, the highest of them first.

    >>> lower(["avx2", "avx512", "amx"])
    ['avx512', 'avx2']
    """
    return [name for name in reversed(ISA_NAMES) if name in isas][1:]


@dataclass
class _Runtime:
    name: str
    run: Runner
    until_s: float
    listen: Listener
    now_s: Callable[[], float]
    found: Sweep

    def sweep(self, trials: Sequence[Trial]) -> None:
        """In one process after another, each without the family that ended the last."""
        rest, total = list(trials), len(trials)
        while rest and (left_s := self.until_s - self.now_s()) > 0:
            before = len(rest)
            rest = self._process(rest, Request(self.name, rest, None, left_s), total)
            assert len(rest) < before or self.now_s() >= self.until_s, "no progress"
        self.found.left_out[self.name] += len(rest)

    def _process(
        self, trials: list[Trial], request: Request, total: int
    ) -> list[Trial]:
        """What is left to try."""
        done, now, since_s = 0, None, self.now_s()
        for message in self.run(request):
            match message:
                case TryingMessage(index=index):
                    now, since_s = trials[index], self.now_s()
                case TriedMessage(index=index):
                    self.found.tried.append(_tried(trials[index], message))
                    done, now = index + 1, None
                    self.listen(self.name, total - len(trials) + done, total)
                case Absent(reason=reason):
                    self.found.absent[self.name] = reason
                    return []
                case Died(reason=reason):
                    return self._crashed(now, reason, trials[done:])
                case Late():
                    self.until_s = self.now_s()
                    seconds = self.until_s - since_s
                    if now is not None and seconds >= HUNG_S:
                        hung = f"no end after {seconds:.0f} s"
                        return self._crashed(now, hung, trials[done:])
        return trials[done:]

    def _crashed(
        self, trial: Trial | None, reason: str, rest: list[Trial]
    ) -> list[Trial]:
        """Without the trials of the family that is lost; all of them where no trial
        had begun, as the next process would end so, too."""
        kept = [t for t in rest if trial is not None and t.family != trial.family]
        lost = len(rest) - len(kept)
        self.found.crashes.append(Crash(self.name, trial, reason, lost))
        return kept


def _tried(trial: Trial, message: TriedMessage) -> Tried:
    return Tried(
        trial,
        errors=dict(message.errors),
        kernels=dict(message.kernels),
        ways=dict(message.ways),
        reason=message.reason,
    )


def _try_cap(
    found: Sweep, run: Runner, isa: str, until_s: float, now_s: Callable[[], float]
) -> None:
    """Wrong trials that no cap has made right yet, under one: a way round, if right.

    ONNX Runtime heeds no cap.
    """
    way = way_of(isa)
    for runtime in ("openvino", "torch"):
        some = [
            one
            for one in found.wrong
            if one.trial.runtime == runtime and not _is_capped_right(one)
        ]
        left_s = until_s - now_s()
        if not some or left_s <= 0:
            continue
        request = Request(runtime, [one.trial for one in some], isa, left_s)
        for message in run(request):
            if isinstance(message, TriedMessage):
                one = some[message.index]
                again = _tried(one.trial, message)
                one.ways[way] = [d for d in again.errors if d not in again.wrong]


def _is_capped_right(one: Tried) -> bool:
    caps = [right for way, right in one.ways.items() if way.startswith(CAPPED)]
    return any(set(one.wrong) <= set(right) for right in caps)


CAPPED = "--hardware=cpu:isa="


def way_of(isa: str) -> str:
    """
    >>> way_of("avx512_bf16")
    '--hardware=cpu:isa=avx512_bf16 (ONEDNN_MAX_CPU_ISA=AVX512_CORE_BF16)'
    """
    return f"{CAPPED}{isa} (ONEDNN_MAX_CPU_ISA={ISA_NAMES[isa][0]})"
