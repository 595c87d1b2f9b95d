"""Profiles: how much work and time a run may take."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Profile:
    """How long each stage of a case may take, and how often it is repeated.

    A case stops sampling once `timed_s` have passed and it has `min_samples`, or at
    `max_samples`. `training_budget_s` bounds the timed stage of a
    training that does not count its epochs. `takes_kept_accuracy`: one that an earlier
    run measured on all the same serves again. `replays_s`: how long a case's primitives
    may be replayed alone, behind all that is timed; 0 where none are.
    """

    name: str
    warmup_s: float
    timed_s: float
    min_samples: int
    max_samples: int
    processes: int
    training_budget_s: float
    takes_kept_accuracy: bool = False
    replays_s: float = 0.0


SMOKE = Profile("smoke", 0.5, 0.0, 1, 1, 1, 30.0)
# What a commit is compared by: `speechmark ab` and asv repeat it in many processes.
COMMIT = Profile("commit", 1.0, 1.0, 5, 1000, 1, 40.0)
QUICK = Profile("quick", 2.0, 1.5, 5, 2000, 1, 50.0, takes_kept_accuracy=True)
# Processes differ more than a process's samples do, so its time goes into three of them
# rather than into long ones.
STANDARD = Profile("standard", 10.0, 5.0, 10, 20_000, 3, 3600.0, replays_s=30.0)
PAPER = Profile("paper", 60.0, 120.0, 10, 50_000, 3, 14 * 24 * 3600.0, replays_s=120.0)

PROFILES = {
    profile.name: profile for profile in (SMOKE, COMMIT, QUICK, STANDARD, PAPER)
}


def find(name: str) -> Profile:
    """The profile of a name; ValueError lists the known ones."""
    if name not in PROFILES:
        raise ValueError(
            f"unknown profile {name!r}: expected one of {', '.join(PROFILES)}"
        )
    return PROFILES[name]
