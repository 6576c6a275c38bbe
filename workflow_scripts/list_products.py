"""What `make demo` made, by what one opens first."""

from pathlib import Path

PRODUCTS = (
    ("Report", "results/report.html"),
    ("Tables", "results/tables/*.csv"),
    ("Figures", "results/figures/*.png"),
    ("Noise calibration", "results/calibration/*.png"),
    ("Trained networks", "results/models/*/*/*/*/model.json"),
)

if __name__ == "__main__":
    for title, pattern in PRODUCTS:
        print(f"\n{title}:")
        for path in sorted(Path().glob(pattern)):
            print(f"  {path}")
