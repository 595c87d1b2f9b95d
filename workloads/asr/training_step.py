"""One optimizer step: forward, CTC loss, backward, update.

Axes: `B` utterances, `U` output frames, `N` = 30 outputs.
"""

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from workloads.asr.alphabet import BLANK
from workloads.asr.ds2 import DeepSpeech2, DeepSpeech2Size
from workloads.asr.input_pipeline import Batch
from workloads.asr.recipe import Recipe, autocast


def ctc_loss_sum(logits: Tensor, lengths: Tensor, batch: Batch) -> Tensor:
    """Summed over utterances, from logits (B, U, 30); always in fp32.

    A bf16 loss is known to lose accuracy. An utterance with too few frames for its
    transcript counts zero instead of infinity.
    """
    log_probs = F.log_softmax(logits.float(), dim=2).transpose(0, 1)  # (U, B, N)
    return F.ctc_loss(
        log_probs,
        batch.targets,
        lengths,
        batch.target_lengths,
        blank=BLANK,
        reduction="sum",
        zero_infinity=True,
    )


class Learner:
    """A model, its optimizer, and the precision that it learns in.

    With `ranks` above 1, torch's process group must stand; gradients are averaged
    over it such that they are the global batch's mean.
    """

    def __init__(
        self,
        size: DeepSpeech2Size,
        recipe: Recipe,
        device: torch.device,
        ranks: int = 1,
    ) -> None:
        self.recipe = recipe
        self.device = device
        self.ranks = ranks
        self.model = DeepSpeech2(size).to(device)
        self._forward: nn.Module = self.model
        if ranks > 1:
            on = [device] if device.type == "cuda" else None
            self._forward = nn.parallel.DistributedDataParallel(self.model, on)
        self.optimizer = torch.optim.Adadelta(
            self.model.parameters(),
            lr=recipe.learning_rate,
            rho=recipe.rho,
            eps=recipe.eps,
            foreach=device.type == "cuda",  # fewer launches; on a CPU only more memory
        )
        self.scaler = torch.amp.GradScaler(
            device.type, enabled=recipe.precision == "fp16"
        )

    def update(self, batch: Batch, global_size: int) -> Tensor:
        """Learn from this rank's `batch`, a part of `global_size` utterances.

        Returns the summed loss on the device: reading it there would wait.
        """
        self.model.train()
        with autocast(self.recipe.precision, self.device):
            logits, lengths = self._forward(batch.features, batch.lengths)
        loss = ctc_loss_sum(logits, lengths, batch)
        self.optimizer.zero_grad(set_to_none=True)
        self.scaler.scale(loss * (self.ranks / global_size)).backward()
        self.scaler.unscale_(self.optimizer)
        nn.utils.clip_grad_norm_(self.model.parameters(), self.recipe.clip_norm)
        self.scaler.step(self.optimizer)
        self.scaler.update()
        return loss.detach()
