"""Rows of works on two candidates, and what a ranking says of them."""

from rows import measured, row

BOTH = ("a", "b")


def timed(of, **step_s):
    """A row of one process each, in seconds by candidate."""
    return row(of, {label: measured(time) for label, time in step_s.items()})


def scores(ranking):
    return {score.candidate: score.score for score in ranking.scores}


def reasons(ranking):
    return [left_out.reason for left_out in ranking.left_out]
