"""What the training run adds to Lightning: an end to diverging runs, one row per epoch, and files that appear whole."""

import io
import os
import time
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import lightning
import numpy as np
import torch
from lightning.fabric.plugins.io.torch_io import TorchCheckpointIO
from lightning.pytorch.callbacks import Callback, ModelCheckpoint

from stembench.datasets.loading import Batches
from stembench.errors import InputError
from stembench.products import whole

_LOSSES_READ = 16  # steps at a time: to read a loss a GPU has to be waited for
_EXPLODED = 100.0  # times the loss of the first step


class Divergence(Callback):
    """Ends a training whose loss is not a number or explodes, by an InputError."""

    def __init__(self, crops: Batches, checkpoint: Path) -> None:
        self.crops, self.checkpoint = crops, checkpoint
        self.unread: list[torch.Tensor] = []
        self.first: float | None = None

    def on_train_batch_end(self, trainer: lightning.Trainer, _: Any, outputs: Any, batch: Any, step: int) -> None:
        """Read the losses of some steps."""
        self.unread.append(outputs["loss"])
        if len(self.unread) < _LOSSES_READ and step + 1 < self.crops.steps:
            return
        losses = torch.stack(self.unread).float().cpu().numpy()
        self.unread.clear()
        self.first = float(losses[0]) if self.first is None else self.first
        bad = np.flatnonzero(~np.isfinite(losses) | (losses > _EXPLODED * self.first))
        if not len(bad):
            return
        at, batch_size, epoch = step + 1 - len(losses) + int(bad[0]), self.crops.batch, trainer.current_epoch
        samples = self.crops.positions(epoch)[at * batch_size : (at + 1) * batch_size]
        good = f"the state after epoch {epoch} is in {self.checkpoint}" if epoch else "none yet"
        raise InputError(
            f"training diverged: loss {losses[bad[0]]:g} at step {at + 1} of epoch {epoch + 1}, "
            f"training samples {', '.join(map(str, samples))}; last good checkpoint: {good}; "
            "look at these samples, or lower the recipe's learning_rate"
        )

    def state_dict(self) -> dict:
        """The first loss is part of every checkpoint."""
        return {"first": self.first}

    def load_state_dict(self, state_dict: dict) -> None:
        """Compare with the first loss of the run that is resumed."""
        self.first = state_dict["first"]


class History(Callback):
    """Collects one row per epoch and reports it; the rows are part of every checkpoint."""

    def __init__(self, epochs: int, samples: int, checkpoint: Path, report: Callable[[str], None]) -> None:
        self.epochs, self.samples, self.checkpoint, self.report = epochs, samples, checkpoint, report
        self.rows: list[dict] = []

    def on_train_epoch_start(self, *_: Any) -> None:
        """Start the clock."""
        self.started = time.monotonic()

    def on_train_epoch_end(self, trainer: lightning.Trainer, _: lightning.LightningModule) -> None:
        """Add the row of an epoch, after its validation."""
        losses = {name: float(trainer.callback_metrics[name]) for name in ("train_loss", "validation_loss")}
        epoch, rate = trainer.current_epoch + 1, trainer.optimizers[0].param_groups[0]["lr"]
        seconds = time.monotonic() - self.started
        self.rows.append({"epoch": epoch, **losses, "learning_rate": rate, "seconds": seconds})
        self.report(
            f"epoch {epoch}/{self.epochs}: training loss {losses['train_loss']:.5f}, "
            f"validation loss {losses['validation_loss']:.5f}, {self.samples / seconds:.0f} crops/s, "
            f"about {(self.epochs - epoch) * seconds:.0f} s to go"
        )

    def on_exception(self, trainer: lightning.Trainer, _: lightning.LightningModule, exception: BaseException) -> None:
        """Say what follows an interrupt; Lightning then ends the process."""
        if isinstance(exception, KeyboardInterrupt):
            path = self.checkpoint
            state = f"goes on from {path}" if path.exists() else "begins it anew: no epoch had ended"
            self.report(f"interrupted in epoch {trainer.current_epoch + 1}; the next call {state}")

    def state_dict(self) -> dict:
        """The rows."""
        return {"rows": self.rows}

    def load_state_dict(self, state_dict: dict) -> None:
        """Continue the rows of the run that is resumed."""
        self.rows = state_dict["rows"]


class Checkpoint(ModelCheckpoint):
    """Lightning's checkpoint of one name, of the last epoch or, with `monitor`, of the one where that is lowest."""

    def __init__(self, path: Path, **options: Any) -> None:
        super().__init__(path.parent, path.stem, enable_version_counter=False, **options)

    def load_state_dict(self, state_dict: dict) -> None:
        """Recall the lowest value; Lightning forgets it where the folder was moved since."""
        super().load_state_dict(state_dict | {"dirpath": self.dirpath})


class WholeFiles(TorchCheckpointIO):
    """Writes beside the checkpoint; Lightning's own writes where temporary files lie, often on another disk."""

    def save_checkpoint(self, checkpoint: dict, path: Any, storage_options: Any = None) -> None:
        """Write a checkpoint that appears whole or not at all."""
        content = io.BytesIO()  # torch's own writing tells of a full disk in an error of its own
        torch.save(checkpoint, content)
        with whole(path) as partial:
            partial.write_bytes(content.getbuffer())


def set_aside_if_damaged(checkpoint: Path) -> None:
    """Rename a checkpoint that is damaged; then raise InputError, which says so."""
    try:
        with zipfile.ZipFile(checkpoint) as archive:
            sound = archive.testzip() is None  # PyTorch reads past the checksums that it wrote
        torch.load(checkpoint, map_location="cpu", weights_only=True)
    except Exception:  # a damaged file raises whatever its reader stumbles over
        sound = False
    if not sound:
        aside = checkpoint.with_suffix(".damaged")
        os.replace(checkpoint, aside)
        raise InputError(
            f"{checkpoint} is damaged and was set aside as {aside.name}; run again, and this training begins anew"
        )
