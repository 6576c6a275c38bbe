"""Training curves."""

import matplotlib.pyplot as plt
import pandas as pd

from stembench.reporting.style import COLOURS, write_figure


def plot_training(history: pd.DataFrame, title: str, destination: str) -> None:
    """Training and validation loss after each epoch."""
    figure, axes = plt.subplots(figsize=(4.5, 3), layout="constrained")
    for name, colour in (("train_loss", COLOURS[0]), ("validation_loss", COLOURS[1])):
        axes.semilogy(history.epoch, history[name], "o-", color=colour, label=name.replace("_", " "))
    axes.set(xlabel="Epoch", ylabel="Modified chi-square", title=title)
    axes.legend(frameon=False)
    write_figure(figure, destination)
