"""A copy of the repository in which Snakemake runs, and what it plans there."""

import os
import shutil
import subprocess
import sys
import traceback
from collections.abc import Sequence
from contextlib import chdir
from pathlib import Path
from tempfile import TemporaryFile

import yaml
from stembench.config import load_config
from stembench.planning import Plan, make_plan

FOLDERS = ("config", "envs", "profiles", "report", "rules", "workflow_scripts")
# A particle, a monolayer, a dumbbell, and those that the configuration names.
MATERIALS = ("Au", "MoS2", "Si", "SrTiO3")
TINY = Path(__file__).with_name("tiny.yaml")


class Copy:
    """A working copy of the workflow, in a folder that holds one or is to hold the repository's."""

    def __init__(self, folder: Path, repository: Path | None = None) -> None:
        self.folder = folder
        if repository is None:
            return
        for name in FOLDERS:
            shutil.copytree(repository / name, folder / name)  # with what Python has compiled, which is no product
        (folder / "config" / "config.yaml").write_text("scale: demo\n")  # the user's may say anything
        shutil.copy(repository / "Snakefile", folder)
        for name in ("images", "structures"):
            (folder / name).mkdir()
        for material in MATERIALS:
            shutil.copy(repository / "structures" / f"{material}.cif", folder / "structures")

    def plan(self, config: Path = TINY) -> Plan:
        """The plan of the copy."""
        with chdir(self.folder):
            files = (Path("config/config.yaml"), config)
            return make_plan(load_config(*(yaml.safe_load(path.read_text()) for path in files)))

    def pending(self, *arguments: str, **options) -> dict[str, str]:
        """Every path that Snakemake would make, by its summary of the plan, with the rule that makes it."""
        done = self.look(*arguments, "--summary", **options)
        assert done.returncode == 0, done.stdout[-4000:]
        lines = [line.split("\t") for line in done.stdout.splitlines()]
        table = lines[lines.index(next(line for line in lines if line[0] == "output_file")) :]
        rows = (dict(zip(table[0], line)) for line in table[1:])
        return {row["output_file"]: row["rule"] for row in rows if row["plan"] != "no update"}

    def look(self, *arguments: str, config: Path | None = TINY) -> subprocess.CompletedProcess:
        """Run Snakemake as `run` does, but in a fork of this process: a plan costs no start of Python and no import."""
        command = [*arguments, "--cores", "2", *(["--configfile", str(config)] if config else [])]
        with TemporaryFile("w+") as printed:
            status = _snakemake_in_a_fork(command, self.folder, printed.fileno())
            printed.seek(0)
            return subprocess.CompletedProcess(["snakemake", *command], status, printed.read())

    def run(self, *arguments: str, **options) -> subprocess.CompletedProcess:
        """Run Snakemake, as `start` does; what it printed is in `stdout`."""
        started = self.start(*arguments, **options)
        printed, _ = started.communicate()
        return subprocess.CompletedProcess(started.args, started.returncode, printed)

    def start(
        self,
        *arguments: str,
        cores: int = 2,
        config: Path | None = TINY,
        python: str | Path = sys.executable,
        stderr: int = subprocess.STDOUT,
    ) -> subprocess.Popen:
        """Start Snakemake, that of a Python, as the first process of a group of its own, as a shell does."""
        command = [python, "-m", "snakemake", *arguments, "--cores", str(cores)]
        command += ["--configfile", str(config)] if config else []
        environment = os.environ | {"PYTHONDONTWRITEBYTECODE": ""}  # else each job would compile the library
        return subprocess.Popen(
            command,
            cwd=self.folder,
            env=environment,
            stdout=subprocess.PIPE,
            stderr=stderr,
            text=True,
            process_group=0,
        )


def _snakemake_in_a_fork(arguments: Sequence[str], folder: Path, printed: int) -> int:
    """Return the exit status of Snakemake's command line in a folder; what it prints goes to a file descriptor."""
    from snakemake.cli import main

    if child := os.fork():
        return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    status = 1
    try:
        os.chdir(folder)
        for stream in (1, 2):
            os.dup2(printed, stream)
        sys.stdout, sys.stderr = (os.fdopen(stream, "w", buffering=1, closefd=False) for stream in (1, 2))
        for name in [name for name in sys.modules if name.partition(".")[0] == "stembench"]:
            del sys.modules[name]  # that of the folder counts
        main(list(arguments))
    except SystemExit as end:
        status = end.code if isinstance(end.code, int) else 0 if end.code is None else 1
    except BaseException:
        traceback.print_exc()
    finally:
        for stream in (sys.stdout, sys.stderr):
            stream.flush()
        os._exit(status)
