"""Front-ends alone, forward and backward, and in their plain form."""

from __future__ import annotations

from dataclasses import replace

import pytest
from small_cases import ContextOf

from benchmarks import bench_spoof
from benchmarks.frontends import frontend_alone
from harness.profile import PAPER
from harness.workload import Context, UnsupportedError
from workloads.spoof.frontends.known import MAKERS

pytestmark = pytest.mark.usefixtures("shipped")


def context(at: ContextOf, model: str, batch_size: int = 1, **options: str) -> Context:
    return at("spoof-frontend", model=model, batch_size=batch_size, **options)


def test_a_step_is_a_batch_of_four_seconds_each(at: ContextOf) -> None:
    operation = bench_spoof.build_frontend(context(at, "fbank", batch_size=3))
    operation.step()
    assert (operation.work.items, operation.work.audio_s) == (3, 12.0)
    assert operation.work.parameters == 0
    assert operation.details is not None
    assert operation.details["corpus"] == "builtin-spoofed-stand-in-smoke"


def test_the_plain_form_multiplies_more(at: ContextOf) -> None:
    fast = frontend_alone(context(at, "leaf"))
    plain = frontend_alone(context(at, "leaf", form="products"))
    plain.step()
    assert plain.work.macs == 40 * 401 * (2 * 64_000 + 401)
    assert fast.work.macs is not None
    assert fast.work.macs < plain.work.macs / 8


def test_backward_has_gradients_and_no_count_of_products(
    at: ContextOf, monkeypatch: pytest.MonkeyPatch
) -> None:
    frontend = MAKERS["fastaudio-tri"]()
    monkeypatch.setitem(MAKERS, "fastaudio-tri", lambda: frontend)
    both = frontend_alone(context(at, "fastaudio-tri", backward="yes"))
    both.step()
    assert (both.work.macs, both.work.parameters) == (None, 80)
    for parameter in frontend.parameters():
        assert parameter.grad is not None
        assert parameter.grad.abs().max() > 0.01


@pytest.mark.parametrize(
    ("model", "options", "stated"),
    [
        ("leaf", {"form": "matrix"}, "form=matrix is unknown: give backward=yes, form"),
        ("leaf", {"backward": "no"}, "backward=no is unknown"),
        ("fbank", {"form": "products"}, "fbank has no filters over samples"),
    ],
)
def test_options_that_mean_nothing_say_so(
    model: str, options: dict[str, str], stated: str, at: ContextOf
) -> None:
    with pytest.raises(UnsupportedError, match=stated):
        frontend_alone(context(at, model, **options))


@pytest.mark.parametrize("model", ["cqt", "fbank"])
def test_what_learns_nothing_has_no_backward(model: str, at: ContextOf) -> None:
    with pytest.raises(UnsupportedError, match=f"nothing of {model} is learned"):
        frontend_alone(context(at, model, backward="yes"))


def test_the_paper_profile_reads_the_papers_corpus_alone(at: ContextOf) -> None:
    with pytest.raises(UnsupportedError, match="give --data-root"):
        frontend_alone(replace(context(at, "fbank"), profile=PAPER))
    with pytest.raises(UnsupportedError, match="give --data-root"):
        bench_spoof.make_frontend(replace(context(at, "fbank"), profile=PAPER))
