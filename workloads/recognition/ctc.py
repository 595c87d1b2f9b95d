"""The loss of connectionist temporal classification, over utterances.

A. Graves, S. Fernández, F. Gomez, J. Schmidhuber, "Connectionist Temporal
Classification", ICML 2006. Axes: `B` utterances, `U` output frames, `N` outputs.
"""

from torch import Tensor
from torch.nn import functional as F

from workloads.recognition.batches import Batch


def ctc_loss_sum(
    log_probs: Tensor, lengths: Tensor, batch: Batch, blank: int
) -> Tensor:
    """Summed over utterances, from log-probabilities (B, U, N) in fp32: a bf16 loss is
    known to lose accuracy.

    An utterance with too few frames for its labels counts zero instead of infinity.
    """
    return F.ctc_loss(
        log_probs.transpose(0, 1),
        batch.targets,
        lengths,
        batch.target_lengths,
        blank=blank,
        reduction="sum",
        zero_infinity=True,
    )
