"""The training run: Lightning carries devices, precision, checkpoints and the loop; the rest is ours."""

import copy
import logging
import os
import time
import zipfile
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Literal

import lightning
import numpy as np
import pandas as pd
import torch
from lightning.fabric.plugins.environments.lightning import LightningEnvironment
from lightning.pytorch.callbacks import Checkpoint
from lightning.pytorch.utilities import rank_zero_only
from lightning.pytorch.utilities.types import OptimizerLRSchedulerConfig

from stembench.config import Recipe, Training
from stembench.datasets.loading import Crops
from stembench.errors import InputError
from stembench.networks.base import Network
from stembench.networks.registry import restore
from stembench.products import writing
from stembench.training.losses import LOSSES

_CHECKPOINT = "last.ckpt"
_LOSSES_LOOKED_AT = 16  # steps at a time: to look at a loss a GPU has to be waited for
_EXPLODED = 100.0  # times the loss that the training began with


def train(
    network: Network,
    crops: Crops,
    validation: Crops,
    *,
    recipe: Recipe,
    epochs: int,
    checkpoints: str | Path,
    machine: Training | None = None,
    report: Callable[[str], None] = print,
) -> pd.DataFrame:
    """Train a network in place; go on from the last epoch that `checkpoints` holds.

    The network ends with the weights of the epoch whose validation loss is lowest.

    Parameters
    ----------
    network : Network
        The network; its weights are replaced by those of a checkpoint, if there is one.
    crops : Crops
        Training batches.
    validation : Crops
        Those of its first epoch measure the validation loss after each epoch.
    recipe : Recipe
        Loss, optimiser and schedule.
    epochs : int
        Epochs of `crops`.
    checkpoints : str or Path
        Folder for the state after each epoch.
    machine : Training
        Devices, nodes, precision, compilation; by default one device, exact arithmetic on a CPU.
    report : callable
        Takes a line of progress after each epoch.

    Returns
    -------
    DataFrame
        A row an epoch: `epoch`, `train_loss`, `validation_loss`, `learning_rate`, `seconds`.

    Raises
    ------
    InputError
        If the loss is no number or explodes; names the step, its samples and the last good checkpoint. If the
        checkpoint is damaged, which is set aside.
    """
    if recipe.loss == "own" and type(network).loss is Network.loss:
        raise InputError(f"recipe with loss: own, but this network has none; take one of {', '.join(LOSSES)}")
    checkpoint = Path(checkpoints) / _CHECKPOINT
    for logger in ("lightning.pytorch", "lightning.fabric"):
        logging.getLogger(logger).setLevel(logging.ERROR)
    machine = machine or Training()
    several = machine.devices * machine.nodes > 1
    trainer = lightning.Trainer(
        max_epochs=epochs,
        accelerator="auto",
        devices=machine.devices,
        num_nodes=machine.nodes,
        # On one node a training starts its processes itself, on SLURM as well, whose jobs are one task each.
        plugins=[LightningEnvironment()] if machine.nodes == 1 else None,
        strategy="ddp_find_unused_parameters_true" if several else "auto",  # published networks hold such
        sync_batchnorm=several and torch.cuda.is_available(),  # PyTorch has none for the CPU
        use_distributed_sampler=False,
        precision=_precision(machine.precision),
        logger=False,
        enable_progress_bar=False,
        enable_model_summary=False,
        deterministic="warn",
        reload_dataloaders_every_n_epochs=1,
        num_sanity_val_steps=0,
        callbacks=[_LastEpoch(checkpoint, report)],
    )
    # Finds errors of operators, and takes time of each step; a property that the module gives itself, unseen by types.
    torch.utils.deterministic.fill_uninitialized_memory = False  # type: ignore[attr-defined]
    resumed = checkpoint.exists()
    if resumed:
        _set_aside_if_damaged(checkpoint)
        report(f"going on from {checkpoint}")
    if machine.compile:
        network.compile()
    run = _Run(network, crops, validation, recipe, epochs, checkpoint, report)
    trainer.fit(run, ckpt_path=str(checkpoint) if resumed else None, weights_only=True)
    network.load_state_dict(run.best)
    network.cpu().eval()
    return pd.DataFrame(run.history)


def _set_aside_if_damaged(checkpoint: Path) -> None:
    try:
        with zipfile.ZipFile(checkpoint) as archive:
            whole = archive.testzip() is None  # PyTorch reads past the checksums that it wrote
        torch.load(checkpoint, map_location="cpu", weights_only=True)
    except Exception:  # a damaged file raises whatever its reader stumbles over
        whole = False
    if not whole:
        aside = checkpoint.with_suffix(".damaged")
        os.replace(checkpoint, aside)
        raise InputError(
            f"{checkpoint} is damaged and was set aside as {aside.name}; run again, and this training begins anew"
        )


def use_threads(number: int) -> None:
    """Let torch compute on this many cores of the CPU."""
    torch.set_num_threads(number)


def is_first_process() -> bool:
    """Whether this process is the one, of those that train together, that writes the products."""
    return rank_zero_only.rank == 0  # type: ignore[attr-defined] # which lightning sets on the function


def _precision(asked: str) -> Literal["bf16-mixed", "32-true"]:
    if asked == "tf32":
        torch.set_float32_matmul_precision("high")
        torch.backends.cudnn.allow_tf32 = True
    if asked == "auto":
        asked = "bf16" if torch.cuda.is_available() and torch.cuda.is_bf16_supported() else "32"
    return "bf16-mixed" if asked == "bf16" else "32-true"


class _Run(lightning.LightningModule):
    def __init__(
        self,
        network: Network,
        crops: Crops,
        validation: Crops,
        recipe: Recipe,
        epochs: int,
        checkpoint: Path,
        report: Callable[[str], None],
    ) -> None:
        super().__init__()
        # Torch's types leave `memory_format` out.
        self.network = network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        self.crops, self.validation, self.recipe, self.epochs = crops, validation, recipe, epochs
        self.checkpoint, self.report = checkpoint, report
        self.history: list[dict] = []
        self.best: dict[str, torch.Tensor] = {}
        self.losses: list[float] = []
        self.unseen: list[torch.Tensor] = []

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

    def train_dataloader(self) -> Iterable:
        return self.crops.epoch(self.current_epoch, self.trainer.global_rank, self.trainer.world_size)

    def on_train_epoch_start(self) -> None:
        self.started, self.losses, self.unseen = time.monotonic(), [], []

    def training_step(self, batch: Sequence, step: int) -> torch.Tensor:
        if step == 0:  # dropout of a resumed run is what it would have been, after all that starting a run draws
            key = (self.current_epoch, self.global_rank)
            torch.manual_seed(int(np.random.SeedSequence(self.crops.seed, spawn_key=key).generate_state(1)[0]))
        loss = self._loss(batch)
        self.unseen.append(loss.detach())
        if (step + 1) % _LOSSES_LOOKED_AT == 0:
            self._look_at_losses()
        return loss

    def _loss(self, batch: Sequence) -> torch.Tensor:
        image, target, *context = batch
        output = self.network(image.to(memory_format=torch.channels_last), **(context[0] if context else {}))
        with torch.autocast(self.device.type, enabled=False):
            return self.network.loss(output, target, self._compare)

    def _compare(self, maps: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
        return LOSSES[self.recipe.loss](restore(maps.float(), self.network.normalisation), target)

    def _look_at_losses(self) -> None:
        seen = len(self.losses)
        self.losses += torch.stack(self.unseen).float().tolist() if self.unseen else []
        self.unseen.clear()
        first = self.history[0]["train_loss"] if self.history else self.losses[0]
        losses = np.array(self.losses[seen:])
        bad = np.flatnonzero(~np.isfinite(losses) | (losses > _EXPLODED * first))
        if len(bad):
            step, batch = seen + int(bad[0]), self.crops.batch
            samples = self.crops.positions(self.current_epoch)[step * batch : (step + 1) * batch]
            good = f"the state after epoch {len(self.history)} is in {self.checkpoint}" if self.history else "none yet"
            raise InputError(
                f"training diverged: loss {self.losses[step]:g} at step {step + 1} of epoch {self.current_epoch + 1}, "
                f"training samples {', '.join(map(str, samples))}; last good checkpoint: {good}; "
                "look at these samples, or lower the recipe's learning_rate"
            )

    def on_train_epoch_end(self) -> None:
        self._look_at_losses()
        trained = time.monotonic() - self.started
        validation_loss = self._validation_loss()
        if not self.history or validation_loss < min(row["validation_loss"] for row in self.history):
            self.best = copy.deepcopy({name: tensor.cpu() for name, tensor in self.network.state_dict().items()})
        row = {
            "epoch": self.current_epoch + 1,
            "train_loss": float(np.mean(self.losses)),
            "validation_loss": validation_loss,
            "learning_rate": self.trainer.optimizers[0].param_groups[0]["lr"],
            "seconds": time.monotonic() - self.started,
        }
        self.history.append(row)
        rate = self.crops.steps * self.crops.batch / trained
        self.report(
            f"epoch {row['epoch']}/{self.epochs}: training loss {row['train_loss']:.5f}, "
            f"validation loss {row['validation_loss']:.5f}, {rate:.0f} crops/s, "
            f"about {(self.epochs - row['epoch']) * row['seconds']:.0f} s to go"
        )

    @torch.no_grad()
    def _validation_loss(self) -> float:
        self.network.eval()
        batches = self.validation.epoch(0)
        losses = [self._loss(self.transfer_batch_to_device(batch, self.device, 0)).item() for batch in batches]
        self.network.train()
        return float(np.mean(losses))

    def on_save_checkpoint(self, checkpoint: dict) -> None:
        checkpoint |= {"history": self.history, "best": self.best}

    def on_load_checkpoint(self, checkpoint: dict) -> None:
        self.history, self.best = checkpoint["history"], checkpoint["best"]


class _LastEpoch(Checkpoint):
    """Keeps the state after the last whole epoch, so that a killed run loses at most one."""

    def __init__(self, path: Path, report: Callable[[str], None]) -> None:
        self.path, self.report = path, report

    def on_train_epoch_end(self, trainer: lightning.Trainer, _: lightning.LightningModule) -> None:
        partial = self.path.with_suffix(f".{os.getpid()}.partial")  # a job may outlive a Snakemake that was killed
        with writing(self.path):
            self.path.parent.mkdir(parents=True, exist_ok=True)
            trainer.save_checkpoint(partial)
            if trainer.is_global_zero:
                os.replace(partial, self.path)

    def on_exception(self, trainer: lightning.Trainer, _: lightning.LightningModule, exception: BaseException) -> None:
        """Lightning ends the process when it is interrupted."""
        if isinstance(exception, KeyboardInterrupt):
            state = f"goes on from {self.path}" if self.path.exists() else "begins it anew: no epoch had ended"
            self.report(f"interrupted in epoch {trainer.current_epoch + 1}; the next call {state}")
