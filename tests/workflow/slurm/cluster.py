"""A real SLURM on this machine: a controller and two nodes on the loopback, one of them with a stand-in GPU."""

import os
import shutil
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TypeVar

Ready = TypeVar("Ready")

NEEDED = ("munged", "slurmctld", "slurmd", "squeue", "scontrol", "unshare")

# Requeued jobs wait until their credential has expired, by default two minutes.
_SETTINGS = """
ClusterName=test
SlurmctldHost={host}(127.0.0.1)
SlurmctldPort={ports[0]}
SlurmUser=root
SlurmdUser=root
AuthType=auth/munge
AuthInfo=socket={folder}/munge.socket,cred_expire=15
ProctrackType=proctrack/pgid
TaskPlugin=task/none
SwitchType=switch/none
MpiDefault=none
StateSaveLocation={folder}/state
SlurmdSpoolDir={folder}/spool.%n
SlurmctldPidFile={folder}/slurmctld.pid
SlurmdPidFile={folder}/slurmd.%n.pid
SlurmctldLogFile={folder}/slurmctld.log
SlurmdLogFile={folder}/slurmd.%n.log
SlurmdParameters=config_overrides
SelectType=select/cons_tres
SelectTypeParameters=CR_Core_Memory
SchedulerParameters=sched_interval=5
KillWait=2
ReturnToService=2
MinJobAge=3600
AccountingStorageType=accounting_storage/none
JobAcctGatherType=jobacct_gather/none
GresTypes=gpu
NodeName=n1 NodeHostname={host} NodeAddr=127.0.0.1 Port={ports[1]} CPUs={cpus} RealMemory={memory}
NodeName=n2 NodeHostname={host} NodeAddr=127.0.0.1 Port={ports[2]} CPUs={cpus} RealMemory={memory} Gres=gpu:1
PartitionName=cpu Nodes=n1,n2 Default=YES MaxTime=INFINITE State=UP
PartitionName=gpu Nodes=n2 MaxTime=INFINITE State=UP
"""


def why_not() -> str | None:
    """Why no cluster can be started here, if so."""
    missing = [name for name in NEEDED if shutil.which(name) is None]
    if missing:
        return f"there is no {', '.join(missing)}; `make test-slurm` installs them where apt-get may"
    if os.geteuid() != 0:
        return "a cluster's daemons are started by root alone"
    tried = subprocess.run(["unshare", "--pid", "--mount-proc", "--fork", "true"], capture_output=True, text=True)
    return None if tried.returncode == 0 else f"a node's processes cannot be kept apart: {tried.stderr.strip()}"


class Cluster:
    """A running cluster.

    Attributes
    ----------
    environment : dict
        Variables with which SLURM's commands reach it.
    """

    def __init__(self, folder: Path, environment: dict[str, str]) -> None:
        self.folder, self.environment = folder, environment
        self._daemons: dict[str, subprocess.Popen] = {}

    def start(self, name: str, *command: str) -> None:
        """Start a daemon."""
        with open(self.folder / f"{name}.out", "a") as said:
            self._daemons[name] = subprocess.Popen(command, env=self.environment, stdout=said, stderr=said)

    def boot(self, node: str) -> None:
        """Start a node, whose processes all end with it.

        Its configuration lies where SLURM's commands look first, as a job has no SLURM_CONF; the shell stays to bury
        processes that lost their parents.
        """
        daemon = f"mount --bind {self.folder} /etc/slurm && slurmd -D -N {node}; exit"
        self.start(node, "unshare", "--pid", "--mount-proc", "--fork", "--kill-child", "sh", "-c", daemon)

    def lose(self, node: str) -> None:
        """Kill a node with all that runs on it, and have the controller know."""
        self._daemons[node].kill()
        self._daemons.pop(node).wait()
        self.ask("scontrol", "update", f"nodename={node}", "state=down", "reason=lost")

    def ask(self, *command: str) -> str:
        """What a command prints."""
        return subprocess.run(command, env=self.environment, capture_output=True, text=True, check=True).stdout

    def idle(self) -> bool:
        """Whether every node waits for jobs."""
        asked = subprocess.run(["sinfo", "-h", "-N", "-o", "%T"], env=self.environment, capture_output=True, text=True)
        return asked.returncode == 0 and set(asked.stdout.split()) == {"idle"}

    def jobs(self) -> list[dict[str, str]]:
        """Every job there was, as the controller tells it: JobState, NodeList, TRES, Restarts, Comment and so on."""
        lines = self.ask("scontrol", "--oneliner", "show", "job").splitlines()
        return [dict(word.partition("=")[::2] for word in line.split() if "=" in word) for line in lines]

    def stop(self) -> None:
        """End nodes and jobs, then the other daemons."""
        for name, daemon in reversed(self._daemons.items()):
            daemon.kill() if name in ("n1", "n2") else daemon.terminate()
            daemon.wait(30)


@contextmanager
def cluster(folder: Path) -> Iterator[Cluster]:
    """Start a cluster in an empty folder; it is stopped at the end."""
    (folder / "state").mkdir()
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") // 2**20 // 2
    ports = [_free_port() for _ in range(3)]
    host = socket.gethostname().partition(".")[0]
    settings = _SETTINGS.format(folder=folder, host=host, ports=ports, cpus=2 * os.cpu_count(), memory=memory)
    (folder / "slurm.conf").write_text(settings)
    (folder / "gres.conf").write_text("NodeName=n2 Name=gpu Count=1 File=/dev/null\n")
    (folder / "cgroup.conf").write_text("CgroupAutomount=no\n")
    key, socket_path = folder / "munge.key", folder / "munge.socket"
    key.write_bytes(os.urandom(1024))
    key.chmod(0o400)
    paths = {"socket": socket_path, "key-file": key}
    paths |= {f"{name}-file": folder / f"munged.{name}" for name in ("pid", "log", "seed")}
    running = Cluster(folder, os.environ | {"SLURM_CONF": str(folder / "slurm.conf")})
    try:
        running.start(
            "munged", "munged", "--foreground", "--force", *(f"--{key}={path}" for key, path in paths.items())
        )
        wait_for(socket_path.exists, "munge's socket")
        running.start("slurmctld", "slurmctld", "-D", "-c")
        for node in ("n1", "n2"):
            running.boot(node)
        wait_for(running.idle, f"nodes to be idle; see {folder}/*.log and *.out")
        yield running
    finally:
        running.stop()


def wait_for(ready: Callable[[], Ready], what: str, seconds: float = 60) -> Ready:
    """Wait until something is true, and return it.

    Raises
    ------
    TimeoutError
        If it is not in time.
    """
    until = time.monotonic() + seconds
    while not (found := ready()):
        if time.monotonic() > until:
            raise TimeoutError(f"waited {seconds:.0f} s for {what}")
        time.sleep(0.5)
    return found


def _free_port() -> int:
    with socket.socket() as opened:
        opened.bind(("127.0.0.1", 0))
        return opened.getsockname()[1]
