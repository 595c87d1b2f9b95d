"""One optimizer step: forward, loss, backward, clipping, update."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn
from torch.optim.lr_scheduler import CosineAnnealingLR, LinearLR, ReduceLROnPlateau

from workloads.training.objective import ALONE, Objective, Rank, autocast
from workloads.training.recipe import AdaDelta, Adam, Plateau, Recipe

SLOWEST = 1e-3  # of the learning rate, where it begins to rise


class Learner:
    """A model, its optimizer, and the precision that it learns in.

    With several ranks torch's process group must stand; gradients are averaged over it
    such that they are the global batch's mean.
    """

    def __init__(
        self,
        model: nn.Module,
        objective: Objective,
        recipe: Recipe,
        device: torch.device,
        rank: Rank = ALONE,
    ) -> None:
        self.recipe, self.objective = recipe, objective
        self.device, self.ranks = device, rank.count
        self.model = model.to(device)
        self._shared: nn.Module = self.model
        if rank.count > 1:
            on = [device] if device.type == "cuda" else None
            self._shared = nn.parallel.DistributedDataParallel(self.model, on)
        self.optimizer = _optimizer(recipe.optimizer, self.model, device)
        self.scaler = torch.amp.GradScaler(
            device.type, enabled=recipe.precision == "fp16"
        )
        # LinearLR scales the rate once even where it is to end at once.
        self.warmup = (
            LinearLR(self.optimizer, SLOWEST, total_iters=recipe.warmup_steps)
            if recipe.warmup_steps
            else None
        )
        self.schedule = _schedule(self.optimizer, recipe)

    @property
    def learning_rate(self) -> float:
        return float(self.optimizer.param_groups[0]["lr"])

    def update(self, batch: object, global_size: int) -> Tensor:
        """Learn from this rank's `batch`, a part of `global_size` items.

        Returns the summed loss on the device: reading it there would wait.
        """
        self.model.train()
        with autocast(self.recipe.precision, self.device):
            outputs = self.objective.forward(self._shared, batch)
        loss = self.objective.loss(outputs, batch)
        self.optimizer.zero_grad(set_to_none=True)
        self.scaler.scale(loss * (self.ranks / global_size)).backward()
        self.scaler.unscale_(self.optimizer)
        nn.utils.clip_grad_norm_(self.model.parameters(), self.recipe.clip_norm)
        self.scaler.step(self.optimizer)
        self.scaler.update()
        if self.warmup and self.warmup.last_epoch < self.recipe.warmup_steps:
            self.warmup.step()
        return loss.detach()

    def end_epoch(self, watched: float) -> None:
        """Set the learning rate of the next epoch; `watched` is what its schedule goes
        by, lower being better."""
        if isinstance(self.schedule, ReduceLROnPlateau):
            self.schedule.step(watched)
        elif self.schedule is not None:
            self.schedule.step()

    @property
    def _parts(self) -> dict[str, Any]:
        names = ("model", "optimizer", "scaler", "warmup", "schedule")
        parts = {name: getattr(self, name) for name in names}
        return {name: part for name, part in parts.items() if part is not None}

    def state(self) -> dict[str, object]:
        """All that a resumed training needs of it."""
        return {name: part.state_dict() for name, part in self._parts.items()}

    def restore(self, state: dict[str, object]) -> None:
        for name, part in self._parts.items():
            part.load_state_dict(state[name])


def _optimizer(
    chosen: AdaDelta | Adam, model: nn.Module, device: torch.device
) -> torch.optim.Optimizer:
    parameters = model.parameters()
    if isinstance(chosen, Adam):
        return torch.optim.Adam(
            parameters, chosen.learning_rate, weight_decay=chosen.weight_decay
        )
    return torch.optim.Adadelta(
        parameters,
        lr=chosen.learning_rate,
        rho=chosen.rho,
        eps=chosen.eps,
        foreach=device.type == "cuda",  # fewer launches; on a CPU only more memory
    )


def _schedule(
    optimizer: torch.optim.Optimizer, recipe: Recipe
) -> ReduceLROnPlateau | CosineAnnealingLR | None:
    if recipe.schedule is None:
        return None
    if isinstance(recipe.schedule, Plateau):
        chosen = recipe.schedule
        return ReduceLROnPlateau(
            optimizer,
            factor=chosen.factor,
            patience=chosen.patience,
            threshold=chosen.threshold,
        )
    return CosineAnnealingLR(optimizer, recipe.epochs)
