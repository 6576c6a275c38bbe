"""What `make demo` made, by what one opens first."""

from pathlib import Path

from stembench.planning import Layout

if __name__ == "__main__":
    layout = Layout("*")  # whichever scale `config/config.yaml` names
    products = {
        "Report": layout.report,
        "Tables": layout.table("*")[0],
        "Figures": layout.figure("*")[0],
        "Noise calibration": layout.calibration_figure.path(instrument="*"),
        "Trained networks": layout.record.path(network="*", task="*", dataset="*", seed="*"),
    }
    for title, pattern in products.items():
        print(f"\n{title}:")
        for path in sorted(Path().glob(pattern)):
            print(f"  {path}")
