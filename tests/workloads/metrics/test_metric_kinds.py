"""The kinds of the metrics that are computed here."""

from basics.metric_kinds import MetricKind
from workloads.metrics import kinds
from workloads.metrics.error_rates import (
    character_errors,
    max_character_errors,
    word_errors,
)
from workloads.metrics.kinds import LEVENSHTEIN
from workloads.metrics.separation import NAMES

KINDS = [kind for kind in vars(kinds).values() if isinstance(kind, MetricKind)]


def test_every_metric_that_is_computed_here_has_a_kind():
    rates = (word_errors, character_errors, max_character_errors)
    names = [rate(["a b"], ["a c"]).name for rate in rates]
    assert {*names, *NAMES} <= {kind.name for kind in KINDS}


def test_the_edit_distance_alone_is_of_whole_edits():
    assert [k for k in KINDS if k.edits_per_item] == [LEVENSHTEIN]
