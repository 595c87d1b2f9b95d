"""Which findings on compressed separators a model's scores bear out, and by what rules.

The findings are those of M. Božić, "Development of efficient deep learning models for
speech separation", 2024. Each claims how far one compression lies above another, in dB
of SI-SDR improvement over the same mixtures.
"""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

from workloads.compression.names import POST_TRAINING, STRUCTURED, UNSTRUCTURED
from workloads.metrics.bootstrap import Difference
from workloads.metrics.separation import Measure

Outcome = Literal["shown", "refuted", "open", "both broken", "not scored"]
Verdict = Literal["found", "partly", "not found", "not decided"]
Shapes = tuple[tuple[int, ...], ...]

LOW, HIGH = (10, 20, 30), (50, 70, 90)  # percent
KINDS = ("unstructured", "structured")
STRATEGIES = (
    *(f"{criterion}-structured" for criterion in STRUCTURED),
    *(f"{criterion}-unstructured" for criterion in UNSTRUCTURED),
)
BASELINE = "fp32"
FORMATS = ("fp16", *POST_TRAINING)
FACTORIZED = tuple(f"{m}-{percent}" for m in ("cp", "tucker") for percent in LOW)
PRUNED = tuple(f"prune-{s}-{percent}" for s in STRATEGIES for percent in (*LOW, *HIGH))


@dataclass(frozen=True)
class Thresholds:
    """What decides, in dB of SI-SDR improvement where the name says so.

    Two models that are both below `broken_db` no longer separate: which of them is
    worse tells nothing, the less so as silence scores 0 dB. `most` is a share of the
    pairs that a finding claims something of.
    """

    counts_db: float = 0.1  # the last decimal that papers on separation give
    alike_db: float = 0.5  # 5 % of a good separator's 10 dB: what training may lose
    far_db: float = 1.0  # twice that
    broken_db: float = 1.0  # a tenth of what a good separator reaches
    most: float = 0.75  # one criterion or amount of several may be an exception
    mixtures: int = 20  # the bootstrap of fewer gives intervals that are too narrow


LIMITS = Thresholds()


@dataclass(frozen=True)
class Scored:
    """A compressed model's `improvement` of SI-SDR, in dB for each mixture.

    `chains` holds the shapes of the layers that each factorized one became; `note`
    tells what the compression's name does not. `silent_estimates` count as 0 dB of
    SI-SDR.
    """

    improvement: Measure
    chains: Mapping[str, Shapes] = field(default_factory=dict)
    note: str = ""
    silent_estimates: int = 0


Scores = Mapping[str, Scored]  # by the name of the compression


@dataclass(frozen=True)
class Claim:
    """In each pair, the first compression less the second one is between two bounds."""

    text: str
    pairs: tuple[tuple[str, str], ...]
    least_db: float
    most_db: float = math.inf

    @property
    def rule(self) -> str:
        """
        >>> Claim("far above", (), 1.0).rule, Claim("alike", (), -0.5, 0.5).rule
        ('above 1 dB', 'between -0.5 and 0.5 dB')
        """
        if self.most_db == math.inf:
            return f"above {self.least_db:g} dB"
        return f"between {self.least_db:g} and {self.most_db:g} dB"


@dataclass(frozen=True)
class Pair:
    """The first less the second, where both were scored."""

    first: str
    second: str
    outcome: Outcome
    difference: Difference | None = None


@dataclass(frozen=True)
class Judged:
    """A claim, and what the pairs say of it."""

    claim: Claim
    pairs: tuple[Pair, ...]
    verdict: Verdict

    def count(self, *outcomes: Outcome) -> int:
        return sum(pair.outcome in outcomes for pair in self.pairs)


@dataclass(frozen=True)
class Finding:
    """One of the paper's, of one claim or two; `because` adds to the counts."""

    text: str
    parts: tuple[Judged, ...]
    verdict: Verdict
    because: str = ""


def findings(scores: Scores, limits: Thresholds = LIMITS) -> tuple[Finding, ...]:
    """All five, judged by a model's scores."""
    found = []
    for text, claims in claimed(limits):
        parts = tuple(judged(claim, scores, limits) for claim in claims)
        verdict = combined([part.verdict for part in parts])
        because = how_alike(scores) if text == CP_FAR_WORSE else ""
        found.append(Finding(text, parts, verdict, because))
    return tuple(found)


GRADIENT = "gradient-change pruning is worse at low sparsity and holds up at high"
BEATS = "unstructured pruning beats structured at high sparsity"
INT8 = "int8 is about as accurate as fp16"
CP_FAR_WORSE = "CP is far worse than Tucker"
SLIGHTLY = "Tucker is slightly worse than quantization"


def claimed(limits: Thresholds) -> tuple[tuple[str, tuple[Claim, ...]], ...]:
    """The text of each finding, and its claims."""
    l1, gradient = "prune-l1-{}-{}", "prune-gradient-{}-{}"
    low, high = _each(KINDS, LOW), _each(KINDS, HIGH)
    strategies = _each([f"prune-{one}-{{}}" for one in UNSTRUCTURED], HIGH)
    int8 = tuple((name, "fp16") for name in POST_TRAINING)
    tucker = [f"tucker-{percent}" for percent in LOW]
    worse = Claim(
        "L1 lies above gradient-change at 10-30 %",
        tuple((l1.format(*one), gradient.format(*one)) for one in low),
        limits.counts_db,
    )
    holds = Claim(
        "gradient-change does not lie below L1 at 50-90 %",
        tuple((gradient.format(*one), l1.format(*one)) for one in high),
        -limits.alike_db,
    )
    beats = Claim(
        "unstructured lies above structured at 50-90 %",
        tuple(
            (one.format(f"unstructured-{p}"), one.format(f"structured-{p}"))
            for one, p in strategies
        ),
        limits.counts_db,
    )
    alike = Claim("int8 is where fp16 is", int8, -limits.alike_db, limits.alike_db)
    far = Claim(
        "Tucker lies far above CP",
        tuple((name, name.replace("tucker", "cp")) for name in tucker),
        limits.far_db,
    )
    slightly = Claim(
        "quantization lies above Tucker, but not far",
        tuple((base, name) for name in tucker for base in POST_TRAINING),
        limits.counts_db,
        limits.far_db,
    )
    return (
        (GRADIENT, (worse, holds)),
        (BEATS, (beats,)),
        (INT8, (alike,)),
        (CP_FAR_WORSE, (far,)),
        (SLIGHTLY, (slightly,)),
    )


def _each(names: Iterable[str], percents: Iterable[int]) -> list[tuple[str, int]]:
    percents = tuple(percents)
    return [(name, percent) for name in names for percent in percents]


def judged(claim: Claim, scores: Scores, limits: Thresholds) -> Judged:
    pairs = tuple(_pair(claim, *names, scores, limits) for names in claim.pairs)
    verdict = verdict_of([pair.outcome for pair in pairs], limits)
    if any(one.improvement.n < limits.mixtures for one in scores.values()):
        verdict = "not decided"
    return Judged(claim, pairs, verdict)


def _pair(
    claim: Claim, first: str, second: str, scores: Scores, limits: Thresholds
) -> Pair:
    if first not in scores or second not in scores:
        return Pair(first, second, "not scored")
    above, below = scores[first].improvement, scores[second].improvement
    difference = above.minus(below)
    if max(above.mean, below.mean) < limits.broken_db:
        return Pair(first, second, "both broken", difference)
    return Pair(first, second, outcome_of(claim, difference), difference)


def outcome_of(claim: Claim, difference: Difference) -> Outcome:
    """Shown where the whole interval is within the claim's bounds, refuted where the
    whole interval is outside, open where it crosses one."""
    if claim.least_db < difference.low and difference.high < claim.most_db:
        return "shown"
    if difference.high <= claim.least_db or difference.low >= claim.most_db:
        return "refuted"
    return "open"


def verdict_of(outcomes: Sequence[Outcome], limits: Thresholds) -> Verdict:
    """Found where `most` pairs show it, not found where as many refute it, else partly.
    Not decided where that depends on how the open ones would turn out, or where no pair
    says anything."""
    count = {one: outcomes.count(one) for one in ("shown", "refuted", "open")}
    total = sum(count.values())
    if not total:
        return "not decided"
    worst = _settled(count["shown"], total, limits)
    best = _settled(count["shown"] + count["open"], total, limits)
    return best if best == worst else "not decided"


def _settled(shown: int, total: int, limits: Thresholds) -> Verdict:
    if shown >= limits.most * total:
        return "found"
    return "not found" if total - shown >= limits.most * total else "partly"


def combined(verdicts: Sequence[Verdict]) -> Verdict:
    """Of a finding's parts: theirs where they agree, partly where one is found or
    partly so.

    >>> combined(["found", "not decided"]), combined(["not found", "not decided"])
    ('partly', 'not decided')
    """
    kinds = set(verdicts)
    if len(kinds) == 1:
        return verdicts[0]
    return "partly" if kinds & {"found", "partly"} else "not decided"


def how_alike(scores: Scores) -> str:
    """Whether CP and Tucker made the same layers of a model, read off both; "" where
    neither amount was scored for both."""
    both = [
        (percent, scores[f"cp-{percent}"], scores[f"tucker-{percent}"])
        for percent in LOW
        if f"cp-{percent}" in scores and f"tucker-{percent}" in scores
    ]
    if not both:
        return ""
    if apart := [_apart(*one) for one in both if one[1].chains != one[2].chains]:
        return f"they make different layers {', '.join(apart)}"
    if not any(cp.chains for _, cp, _ in both):
        return "equal, because neither has a layer to gain by"
    values = all(cp.improvement == tucker.improvement for _, cp, tucker in both)
    start = "equal, because" if values else "they differ by fine-tuning alone:"
    return f"{start} both make the same layers of the same ranks, {_forms(both)}"


def _apart(percent: int, cp: Scored, tucker: Scored) -> str:
    names = {*cp.chains, *tucker.chains}
    count = sum(cp.chains.get(name) != tucker.chains.get(name) for name in names)
    return f"in place of {count} of {len(names)} at {percent} %"


def _forms(both: Sequence[tuple[int, Scored, Scored]]) -> str:
    """Two layers in a chain are the truncated SVD of a matrix."""
    counts = []
    for percent, cp, _ in both:
        matrices = sum(len(shapes) == 2 for shapes in cp.chains.values())
        counts.append(f"{matrices} of {len(cp.chains)} at {percent} %")
    return f"of kernels that are matrices, by truncated SVD: {', '.join(counts)}"
