"""Runs every benchmark and writes what it prints, `key: value` a line, to results/benchmarks/{name}.csv."""

import csv
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).parent


def main() -> None:
    """Run the benchmarks one after the other; one that fails is named at the end."""
    folder = HERE.parent / "results" / "benchmarks"
    folder.mkdir(parents=True, exist_ok=True)
    failed = []
    for script in sorted(HERE.glob("[!_]*.py")):
        print(f"{script.stem}:", flush=True)
        lines = []
        with subprocess.Popen([sys.executable, script], stdout=subprocess.PIPE, text=True) as running:
            for line in running.stdout:
                print(line, end="", flush=True)
                lines.append(line.rstrip())
        if running.returncode:
            failed.append(script.stem)
            continue
        with open(folder / f"{script.stem}.csv", "w", newline="") as file:
            rows = csv.writer(file)
            rows.writerow(["key", "value"])
            rows.writerows(line.split(": ", 1) for line in lines if ": " in line)
    if failed:
        sys.exit(f"failed: {', '.join(failed)}")


if __name__ == "__main__":
    main()
