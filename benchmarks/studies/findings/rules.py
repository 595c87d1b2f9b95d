"""Which findings on compressed separators a model's scores bear out, and by what rules.

The findings are those of M. Božić, "Development of efficient deep learning models for
speech separation", 2024, section 6.4. Each claims how far one compression lies above
another, in dB of SI-SDR improvement over the same mixtures; the paper prints no such
distances, so that the thresholds are this suite's.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import product
from typing import Literal

from workloads.compression.known import POST_TRAINING
from workloads.compression.pruning.criteria import STRUCTURED, UNSTRUCTURED
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
COMPRESSIONS = (BASELINE, *FORMATS, *PRUNED, *FACTORIZED)


@dataclass(frozen=True)
class Thresholds:
    """What decides, in dB of SI-SDR improvement where the name says so.

    Two models that are both below `broken_db` no longer separate: which of them is
    worse tells nothing, the less so as silence scores 0 dB.
    """

    counts_db: float = 0.1  # the last decimal that papers on separation give
    alike_db: float = 0.5  # 5 % of a good separator's 10 dB: what training may lose
    far_db: float = 1.0  # twice that
    broken_db: float = 1.0  # a tenth of what a good separator reaches
    most: float = 0.75  # share of pairs: one criterion or amount may be an exception
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
    chains: dict[str, Shapes] = field(default_factory=dict)
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


@dataclass(frozen=True)
class Finding:
    """One of the paper's, of one claim or two; `because` adds to the counts."""

    text: str
    parts: tuple[Judged, ...]
    verdict: Verdict
    because: str = ""


def pairs(
    first: str, second: str, *places: Sequence[object]
) -> tuple[tuple[str, str], ...]:
    """Of names with each combination of what may stand in their places.

    >>> pairs("tucker-{}", "cp-{}", (10, 20))
    (('tucker-10', 'cp-10'), ('tucker-20', 'cp-20'))
    """
    return tuple((first.format(*one), second.format(*one)) for one in product(*places))


L1, GRADIENT = "prune-l1-{}-{}", "prune-gradient-{}-{}"
WEIGHTS, CHANNELS = "prune-{}-unstructured-{}", "prune-{}-structured-{}"
COUNTS, ALIKE, FAR = LIMITS.counts_db, LIMITS.alike_db, LIMITS.far_db
CP_FAR_WORSE = "CP is far worse than Tucker"
CLAIMS: Mapping[str, tuple[Claim, ...]] = {  # by the finding that they make up
    "gradient-change pruning is worse at low sparsity and holds up at high": (
        Claim(
            "L1 lies above gradient-change at 10-30 %",
            pairs(L1, GRADIENT, KINDS, LOW),
            COUNTS,
        ),
        Claim(
            "gradient-change does not lie below L1 at 50-90 %",
            pairs(GRADIENT, L1, KINDS, HIGH),
            -ALIKE,
        ),
    ),
    "unstructured pruning beats structured at high sparsity": (
        Claim(
            "unstructured lies above structured at 50-90 %",
            pairs(WEIGHTS, CHANNELS, UNSTRUCTURED, HIGH),
            COUNTS,
        ),
    ),
    "int8 is about as accurate as fp16": (
        Claim(
            "int8 is where fp16 is", pairs("{}", "fp16", POST_TRAINING), -ALIKE, ALIKE
        ),
    ),
    CP_FAR_WORSE: (
        Claim("Tucker lies far above CP", pairs("tucker-{}", "cp-{}", LOW), FAR),
    ),
    "Tucker is slightly worse than quantization": (
        Claim(
            "quantization lies above Tucker, but not far",
            pairs("{1}", "tucker-{0}", LOW, POST_TRAINING),
            COUNTS,
            FAR,
        ),
    ),
}


def findings(scores: Scores) -> tuple[Finding, ...]:
    """All five, judged by a model's scores."""
    found = []
    for text, claims in CLAIMS.items():
        parts = tuple(judged(claim, scores) for claim in claims)
        verdict = combined([part.verdict for part in parts])
        because = how_alike(scores) if text == CP_FAR_WORSE else ""
        found.append(Finding(text, parts, verdict, because))
    return tuple(found)


def judged(claim: Claim, scores: Scores) -> Judged:
    """Not decided, too, where any score is of too few mixtures."""
    found = tuple(_pair(claim, *names, scores) for names in claim.pairs)
    few = any(one.improvement.n < LIMITS.mixtures for one in scores.values())
    verdict = verdict_of([pair.outcome for pair in found])
    return Judged(claim, found, "not decided" if few else verdict)


def _pair(claim: Claim, first: str, second: str, scores: Scores) -> Pair:
    if first not in scores or second not in scores:
        return Pair(first, second, "not scored")
    above, below = scores[first].improvement, scores[second].improvement
    difference = above.minus(below)
    if max(above.value, below.value) < LIMITS.broken_db:
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


def verdict_of(outcomes: Sequence[Outcome]) -> Verdict:
    """Found where `most` pairs show it, not found where as many refute it, else partly.
    Not decided where that depends on how the open ones would turn out, or where no pair
    says anything."""
    shown, opened = outcomes.count("shown"), outcomes.count("open")
    total = shown + opened + outcomes.count("refuted")
    if not total:
        return "not decided"
    worst, best = _settled(shown, total), _settled(shown + opened, total)
    return best if best == worst else "not decided"


def _settled(shown: int, total: int) -> Verdict:
    if shown >= LIMITS.most * total:
        return "found"
    return "not found" if total - shown >= LIMITS.most * total else "partly"


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
    both = {
        percent: (scores[f"cp-{percent}"], scores[f"tucker-{percent}"])
        for percent in LOW
        if {f"cp-{percent}", f"tucker-{percent}"} <= scores.keys()
    }
    if not both:
        return ""
    apart = [
        f"in place of {len(unlike)} of {len(cp.chains | tucker.chains)} at {percent} %"
        for percent, (cp, tucker) in both.items()
        if (unlike := {name for name, _ in cp.chains.items() ^ tucker.chains.items()})
    ]
    if apart:
        return f"they make different layers {', '.join(apart)}"
    if not any(cp.chains for cp, _ in both.values()):
        return "equal, because neither has a layer to gain by"
    equal = all(cp.improvement == tucker.improvement for cp, tucker in both.values())
    start = "equal, because" if equal else "they differ by fine-tuning alone:"
    # Two layers in a chain are the truncated SVD of a matrix.
    matrices = (
        f"{sum(len(shapes) == 2 for shapes in cp.chains.values())} of {len(cp.chains)} "
        f"at {percent} %"
        for percent, (cp, _) in both.items()
    )
    return (
        f"{start} both make the same layers of the same ranks, of kernels that are "
        f"matrices, by truncated SVD: {', '.join(matrices)}"
    )
