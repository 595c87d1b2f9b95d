"""A front-end alone, as a step that is timed.

Imported inside worker processes alone. Axes: `B` utterances, `S` samples.
"""

from __future__ import annotations

from collections.abc import Callable
from itertools import cycle

import torch

from benchmarks.inference import request_of, single_device, unsupported
from harness.case import Case
from harness.workload import Accuracy, Context, Operation, UnsupportedError, Work
from workloads.counting import macs_of
from workloads.spoof.data import SAMPLES, UTTERANCE_S, SpoofDataset
from workloads.spoof.frontends.filtering import WaveFrontend, by_products
from workloads.spoof.frontends.frontend import Frontend
from workloads.spoof.frontends.known import MAKERS
from workloads.spoof.sizes import ECAPA_SMALL, Size
from workloads.spoof.task import SPOOF
from workloads.task import parameters_of

VALUES = {"backward": "yes", "form": "products"}  # of options
NO_ACCURACY = Accuracy(
    {}, "features have no accuracy of their own: tests hold them equal"
)


def frontend_alone(context: Context) -> Operation:
    """A step is a batch of utterances' features, and with the option `backward=yes` the
    gradients of what is learned; `form=products` is the plain form of filters over
    samples."""
    device, case = torch.device(single_device(context)), context.case
    for name, value in case.options:
        if VALUES.get(name) != value:
            known = ", ".join(map("=".join, VALUES.items()))
            raise UnsupportedError(f"{name}={value} is unknown: give {known}")
    options = dict(case.options)
    torch.manual_seed(context.seed)
    frontend = MAKERS[case.model]().to(device)
    if "form" in options:
        if not isinstance(frontend, WaveFrontend):
            raise UnsupportedError(f"{case.model} has no filters over samples")
        frontend.pooled = by_products
    learned, is_both = parameters_of(frontend), "backward" in options
    if is_both and not learned:
        raise UnsupportedError(
            f"nothing of {case.model} is learned: it has no backward"
        )
    data = data_of_frontend(context)
    inputs = SPOOF.inputs(_size(case), data, case.batch_size, {})
    batches = [torch.from_numpy(one.features[:, :, 0]).to(device) for one in inputs]
    turn = cycle(batches)
    return Operation(
        step=_step(frontend, lambda: next(turn), is_both),
        cycle=1,
        work=Work(
            case.batch_size,
            case.batch_size * UTTERANCE_S,
            learned,
            # What gradients take differs from front-end to front-end.
            None if is_both else macs_of(frontend, case.batch_size, SAMPLES),
        ),
        accuracy=lambda: NO_ACCURACY,
        details={"corpus": data.name, "corpus_checksum": data.checksum},
    )


def data_of_frontend(context: Context) -> SpoofDataset:
    """Made now or before."""
    with unsupported():
        return SPOOF.dataset(_size(context.case), request_of(context))


def _size(case: Case) -> Size:
    return Size(case.model, ECAPA_SMALL)


def _step(
    frontend: Frontend, waves: Callable[[], torch.Tensor], is_both: bool
) -> Callable[[], object]:
    if is_both:
        # Of what a back-end might send back: a plain sum of decibels has no gradient.
        with torch.no_grad():
            gradient = torch.randn_like(frontend(waves()))

        def learn() -> None:
            frontend.zero_grad(set_to_none=True)
            frontend(waves()).backward(gradient)

        return learn
    frontend.eval()

    def run() -> None:
        with torch.inference_mode():
            frontend(waves())

    return run
