"""Training curves."""

import matplotlib.pyplot as plt
import pandas as pd

from stembench.reporting.style import COLOURS, write_figure


def plot_training(history: pd.DataFrame, loss: str, title: str, destination: str) -> None:
    """Training and validation loss after each epoch; a history without one says that there was no training."""
    figure, axes = plt.subplots(figsize=(4.5, 3), layout="constrained")
    for name, colour in (("train_loss", COLOURS[0]), ("validation_loss", COLOURS[1])):
        axes.semilogy(history.epoch, history[name], "o-", color=colour, label=name.replace("_", " "))
    axes.set(xlabel="Epoch", ylabel=f"Loss ({loss.replace('_', ' ')})")
    axes.set_title(title if len(history) else f"{title}: not trained, see model.json", fontsize=9)
    axes.legend(frameon=False)
    write_figure(figure, destination)
