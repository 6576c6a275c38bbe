"""The training run of every network; Lightning carries devices, precision, validation and checkpoints."""

import logging
import warnings
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Literal

import lightning
import numpy as np
import pandas as pd
import torch
from lightning.fabric.plugins.environments.lightning import LightningEnvironment
from lightning.pytorch.utilities import rank_zero_only
from lightning.pytorch.utilities.types import OptimizerLRSchedulerConfig

from stembench.config import Recipe, check_shares
from stembench.datasets.loading import Batches, Epoch
from stembench.errors import InputError
from stembench.networks.base import Network
from stembench.networks.registry import restore
from stembench.training.callbacks import Checkpoint, Divergence, History, WholeFiles, set_aside_if_damaged
from stembench.training.losses import LOSSES, ON_LOGITS


def train(
    network: Network,
    crops: Batches,
    validation: Batches,
    *,
    recipe: Recipe,
    epochs: int,
    checkpoints: str | Path,
    precision: str = "auto",
    devices: int = 1,
    compiled: bool = False,
    report: Callable[[str], None] = print,
) -> pd.DataFrame:
    """Train a network in place, or continue after the last epoch that `checkpoints` holds.

    The network ends with the weights of the epoch whose validation loss is lowest.

    Parameters
    ----------
    network : Network
        The network; a checkpoint replaces its weights.
    crops : Batches
        Training batches.
    validation : Batches
        Its first epoch measures the validation loss after each epoch.
    recipe : Recipe
        Loss, optimiser and schedule.
    epochs : int
        Epochs of `crops`.
    checkpoints : str or Path
        Folder for `last.ckpt`, the state after each epoch, and `best.ckpt`, the weights of the best one.
    precision : str
        `auto` (bf16 on a GPU that has it, 32 elsewhere), `32`, `tf32` or `bf16`.
    devices : int
        GPUs, or processes where there is no GPU, that share every batch.
    compiled : bool
        Whether torch.compile makes kernels of the network first.
    report : callable
        Takes a line of progress after each epoch.

    Returns
    -------
    DataFrame
        One row per epoch: `epoch`, `train_loss`, `validation_loss`, `learning_rate`, `seconds`.

    Raises
    ------
    InputError
        If the network does not have the loss. If the devices cannot share a batch evenly. If the loss is not a number
        or explodes; names the step, its samples and the last good checkpoint. If a checkpoint is damaged, which is set
        aside.
    """
    if recipe.loss == "own" and type(network).loss is Network.loss:
        raise InputError(f"recipe with loss: own, but this network has none; take one of {', '.join(LOSSES)}")
    if recipe.loss in ON_LOGITS and not network.sigmoid:
        fitting = ", ".join(loss for loss in LOSSES if loss not in ON_LOGITS)
        raise InputError(f"recipe with loss: {recipe.loss}, but this network ends in no sigmoid; take one of {fitting}")
    check_shares(devices, {"the training": crops.batch, "the validation": validation.batch})
    for logger in ("lightning.pytorch", "lightning.fabric"):
        logging.getLogger(logger).setLevel(logging.ERROR)
    warnings.filterwarnings("ignore", module="lightning.pytorch")  # advice on workers, folders in use and the like
    # Finds errors of operators and takes time in each step; torch's types do not know it.
    torch.utils.deterministic.fill_uninitialized_memory = False  # type: ignore[attr-defined]
    report = rank_zero_only(report)
    last, best = (Path(checkpoints) / f"{name}.ckpt" for name in ("last", "best"))
    resumed = last.exists() and best.exists()
    if resumed:
        for checkpoint in (last, best):
            set_aside_if_damaged(checkpoint)
        report(f"going on from {last}")
    if compiled:
        network.compile()
    keep_best = Checkpoint(best, monitor="validation_loss", save_weights_only=True)
    history = History(epochs, crops.steps * crops.batch, last, report)
    trainer = lightning.Trainer(
        max_epochs=epochs,
        devices=devices,
        # A training starts its processes itself, on SLURM as well, whose jobs are one task each.
        plugins=[LightningEnvironment(), WholeFiles()],
        strategy="ddp" if devices > 1 else "auto",
        sync_batchnorm=devices > 1 and torch.cuda.is_available(),  # PyTorch has none for the CPU
        use_distributed_sampler=False,
        precision=_precision(precision),
        logger=False,
        enable_progress_bar=False,
        enable_model_summary=False,
        deterministic="warn",
        reload_dataloaders_every_n_epochs=1,
        num_sanity_val_steps=0,
        callbacks=[Divergence(crops, last), history, keep_best, Checkpoint(last)],
    )
    run = _Run(network, crops, validation, recipe, epochs)
    trainer.fit(run, ckpt_path=str(last) if resumed else None, weights_only=True)
    run.load_state_dict(torch.load(best, map_location="cpu", weights_only=True)["state_dict"])
    network.cpu().eval()
    return pd.DataFrame(history.rows)


def use_threads(number: int) -> None:
    """Let torch compute on this many cores of the CPU."""
    torch.set_num_threads(number)


def is_first_process() -> bool:
    """Whether this process, of those that train together, writes the products."""
    return rank_zero_only.rank == 0  # type: ignore[attr-defined] # which lightning sets on the function


def _precision(asked: str) -> Literal["bf16-mixed", "32-true"]:
    if asked == "tf32":
        torch.set_float32_matmul_precision("high")
        torch.backends.cudnn.allow_tf32 = True
    if asked == "auto":
        asked = "bf16" if torch.cuda.is_available() and torch.cuda.is_bf16_supported() else "32"
    return "bf16-mixed" if asked == "bf16" else "32-true"


class _Run(lightning.LightningModule):
    """Batches, loss, optimiser and schedule."""

    def __init__(self, network: Network, crops: Batches, validation: Batches, recipe: Recipe, epochs: int) -> None:
        super().__init__()
        # Torch's types leave `memory_format` out.
        self.network = network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        self.crops, self.validation, self.recipe, self.epochs = crops, validation, recipe, epochs
        self.on_logits = recipe.loss in ON_LOGITS

    def configure_optimizers(self) -> OptimizerLRSchedulerConfig:
        recipe, steps = self.recipe, self.epochs * self.crops.steps
        optimizer = torch.optim.Adam(
            self.network.parameters(), lr=recipe.learning_rate, weight_decay=recipe.weight_decay
        )
        schedule: torch.optim.lr_scheduler.LRScheduler
        if recipe.schedule == "one_cycle":
            schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, recipe.learning_rate, total_steps=steps)
        else:
            milestones = [round(part * steps) for part in recipe.milestones]
            schedule = torch.optim.lr_scheduler.MultiStepLR(optimizer, milestones, recipe.factor)
        return {"optimizer": optimizer, "lr_scheduler": {"scheduler": schedule, "interval": "step"}}

    def train_dataloader(self) -> Epoch:
        return self.crops.epoch(self.current_epoch, self.global_rank, self.trainer.world_size)

    def val_dataloader(self) -> Epoch:
        return self.validation.epoch(0, self.global_rank, self.trainer.world_size)

    def training_step(self, batch: Sequence, step: int) -> torch.Tensor:
        if step == 0:  # after all that starting or resuming draws, so that dropout is the same in a resumed run
            key = (self.current_epoch, self.global_rank)
            torch.manual_seed(int(np.random.SeedSequence(self.crops.seed, spawn_key=key).generate_state(1)[0]))
        return self._loss(batch, "train_loss")

    def validation_step(self, batch: Sequence, _: int) -> torch.Tensor:
        return self._loss(batch, "validation_loss")

    def _loss(self, batch: Sequence, name: str) -> torch.Tensor:
        image, target, *context = batch
        told = context[0] if context else {}
        output = self.network(image.to(memory_format=torch.channels_last), logits=self.on_logits, **told)
        with torch.autocast(self.device.type, enabled=False):
            loss = self.network.loss(output, target, self._compare)
        self.log(name, loss, on_step=False, on_epoch=True, sync_dist=True, batch_size=len(image))
        return loss

    def _compare(self, maps: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
        maps = maps.float() if self.on_logits else restore(maps.float(), self.network.normalisation)
        # Where a target says nothing, it agrees with the network: no error, and no gradient.
        own = (torch.sigmoid(maps) if self.on_logits else maps).detach()
        target = torch.where(target.isnan(), own, target)
        return LOSSES[self.recipe.loss](maps, target)
