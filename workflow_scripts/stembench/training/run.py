"""The training run: Lightning carries devices, checkpoints and the loop; data, loss and schedule are ours."""

import logging
import os
import time
from collections.abc import Callable
from pathlib import Path

import lightning
import numpy as np
import pandas as pd
import torch
from lightning.pytorch.callbacks import Checkpoint
from torch import nn

from stembench.datasets.loading import Crops
from stembench.training.losses import modified_chi_square

#: The label that each task learns.
TASK_LABELS = {"localise": "gaussianMask", "denoise_background": "noBackgroundnoNoise"}

_CHECKPOINT = "last.ckpt"


def train(
    module: nn.Module,
    crops: Crops,
    validation: tuple[np.ndarray, np.ndarray],
    *,
    epochs: int,
    learning_rate: float,
    checkpoints: str | Path,
    report: Callable[[str], None] = print,
) -> pd.DataFrame:
    """Train a network in place; go on from the last epoch that `checkpoints` holds.

    Parameters
    ----------
    module : nn.Module
        The network; its weights are replaced by those of a checkpoint, if there is one.
    crops : Crops
        Training batches.
    validation : tuple of ndarray, shape (samples, y, x)
        What the network sees of the validation images, and their targets.
    epochs : int
        Passes over the training set.
    learning_rate : float
        Highest learning rate of a one-cycle schedule of Adam.
    checkpoints : str or Path
        Folder for the state after each epoch.
    report : callable
        Takes a line of progress after each epoch.

    Returns
    -------
    DataFrame
        A row an epoch: `epoch`, `train_loss`, `validation_loss`, `learning_rate`, `seconds`.
    """
    checkpoint = Path(checkpoints) / _CHECKPOINT
    for logger in ("lightning.pytorch", "lightning.fabric"):
        logging.getLogger(logger).setLevel(logging.ERROR)
    run = _Run(module, crops, validation, epochs, learning_rate, report)
    trainer = lightning.Trainer(
        max_epochs=epochs,
        accelerator="auto",
        devices=1,
        logger=False,
        enable_progress_bar=False,
        enable_model_summary=False,
        deterministic="warn",
        reload_dataloaders_every_n_epochs=1,
        num_sanity_val_steps=0,
        callbacks=[_LastEpoch(checkpoint)],
    )
    resumed = checkpoint.exists()
    if resumed:
        report(f"going on from {checkpoint}")
    trainer.fit(run, ckpt_path=str(checkpoint) if resumed else None, weights_only=True)
    module.cpu().eval()
    return pd.DataFrame(run.history)


def use_threads(number: int) -> None:
    """Let torch compute on this many cores of the CPU."""
    torch.set_num_threads(number)


class _Run(lightning.LightningModule):
    def __init__(self, network, crops, validation, epochs, learning_rate, report) -> None:
        super().__init__()
        self.network = network.to(memory_format=torch.channels_last)
        self.crops, self.report = crops, report
        self.validation = [torch.from_numpy(np.ascontiguousarray(part, np.float32))[:, None] for part in validation]
        self.epochs, self.learning_rate = epochs, learning_rate
        self.history: list[dict] = []

    def configure_optimizers(self):
        optimizer = torch.optim.Adam(self.network.parameters(), lr=self.learning_rate)
        schedule = torch.optim.lr_scheduler.OneCycleLR(
            optimizer, self.learning_rate, total_steps=self.epochs * self.crops.steps
        )
        return {"optimizer": optimizer, "lr_scheduler": {"scheduler": schedule, "interval": "step"}}

    def train_dataloader(self):
        return self.crops.epoch(self.current_epoch)

    def on_train_epoch_start(self) -> None:
        self.started, self.losses = time.monotonic(), []

    def training_step(self, batch, _) -> torch.Tensor:
        image, target = batch
        image = image.to(memory_format=torch.channels_last)
        loss = modified_chi_square(self.network(image), target)
        self.losses.append(loss.detach())
        return loss

    def on_train_epoch_end(self) -> None:
        trained = time.monotonic() - self.started
        row = {
            "epoch": self.current_epoch + 1,
            "train_loss": torch.stack(self.losses).mean().item(),
            "validation_loss": self._validation_loss(),
            "learning_rate": self.optimizers().param_groups[0]["lr"],
            "seconds": time.monotonic() - self.started,
        }
        self.history.append(row)
        rate = self.crops.steps * self.crops.batch / trained
        self.report(
            f"epoch {row['epoch']}/{self.epochs}: training loss {row['train_loss']:.5f}, "
            f"validation loss {row['validation_loss']:.5f}, {rate:.0f} crops/s, "
            f"about {(self.epochs - row['epoch']) * row['seconds']:.0f} s to go"
        )

    @torch.inference_mode()
    def _validation_loss(self) -> float:
        self.network.eval()
        losses = []
        for image, target in zip(*(part.split(16) for part in self.validation)):
            image = image.to(self.device, memory_format=torch.channels_last)
            losses.append(modified_chi_square(self.network(image), target.to(self.device)).item() * len(image))
        self.network.train()
        return sum(losses) / len(self.validation[0])

    def on_save_checkpoint(self, checkpoint: dict) -> None:
        checkpoint["history"] = self.history

    def on_load_checkpoint(self, checkpoint: dict) -> None:
        self.history = checkpoint["history"]


class _LastEpoch(Checkpoint):
    """Keeps the state after the last whole epoch, so that a killed run loses at most one."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def on_train_epoch_end(self, trainer, _) -> None:
        self.path.parent.mkdir(parents=True, exist_ok=True)
        partial = self.path.with_suffix(".partial")
        trainer.save_checkpoint(partial)
        os.replace(partial, self.path)
