"""A real SLURM on this machine: a controller and two nodes on the loopback, one of them with a stand-in GPU."""

import os
import shutil
import socket
import subprocess
import time
from contextlib import contextmanager
from pathlib import Path

NEEDED = ("munged", "slurmctld", "slurmd", "squeue", "scontrol")

_SETTINGS = """
ClusterName=test
SlurmctldHost={host}(127.0.0.1)
SlurmctldPort={ports[0]}
SlurmUser=root
SlurmdUser=root
AuthType=auth/munge
AuthInfo=socket={folder}/munge.socket
CryptoType=crypto/munge
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
SchedulerParameters=sched_interval=5,defer
KillWait=5
ReturnToService=2
MinJobAge=300
AccountingStorageType=accounting_storage/none
JobAcctGatherType=jobacct_gather/none
GresTypes=gpu
NodeName=DEFAULT NodeHostname={host} NodeAddr=127.0.0.1 CPUs={cpus} RealMemory={memory} State=UNKNOWN
NodeName=n1 Port={ports[1]}
NodeName=n2 Port={ports[2]} Gres=gpu:1
PartitionName=cpu Nodes=n1,n2 Default=YES MaxTime=INFINITE State=UP
PartitionName=gpu Nodes=n2 MaxTime=INFINITE State=UP
"""


def why_not() -> str | None:
    """Why no cluster can be started here, if so."""
    missing = [name for name in NEEDED if shutil.which(name) is None]
    if missing:
        return f"there is no {', '.join(missing)}; `make test-slurm` installs them where apt-get may"
    return None if os.geteuid() == 0 else "a cluster's daemons are started by root alone"


@contextmanager
def cluster(folder: Path):
    """Environment variables with which its commands reach the cluster; it is stopped at the end."""
    host = socket.gethostname().partition(".")[0]
    (folder / "state").mkdir(parents=True)
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") // 2**20 // 3
    ports = [_free_port() for _ in range(3)]
    settings = _SETTINGS.format(folder=folder, host=host, ports=ports, cpus=os.cpu_count(), memory=memory)
    (folder / "slurm.conf").write_text(settings)
    (folder / "gres.conf").write_text("NodeName=n2 Name=gpu Count=1 File=/dev/null\n")
    (folder / "cgroup.conf").write_text("CgroupAutomount=no\n")
    environment = os.environ | {"SLURM_CONF": str(folder / "slurm.conf"), "MUNGE_SOCKET": str(folder / "munge.socket")}
    key = folder / "munge.key"
    key.write_bytes(os.urandom(1024))
    key.chmod(0o400)
    munge = ["munged", "--foreground", "--force", f"--socket={folder}/munge.socket", f"--key-file={key}"]
    munge += [f"--pid-file={folder}/munged.pid", f"--log-file={folder}/munged.log", f"--seed-file={folder}/munged.seed"]
    daemons = []
    try:
        for command in (munge, ["slurmctld", "-D", "-c"], ["slurmd", "-D", "-N", "n1"], ["slurmd", "-D", "-N", "n2"]):
            log = open(folder / f"{command[0]}{len(daemons)}.out", "w")
            daemons.append(subprocess.Popen(command, env=environment, stdout=log, stderr=log))
            time.sleep(1)
        _wait(lambda: _ask(environment, "sinfo", "-h", "-N", "-o", "%T").split().count("idle") >= 3, folder)
        yield environment
    finally:
        _ask(environment, "scancel", "--state=RUNNING", "--state=PENDING", "--user=root")
        for daemon in reversed(daemons):
            daemon.terminate()
        for daemon in daemons:
            daemon.wait(30)


def _ask(environment: dict[str, str], *command: str) -> str:
    return subprocess.run(command, env=environment, capture_output=True, text=True).stdout


def _free_port() -> int:
    with socket.socket() as opened:
        opened.bind(("127.0.0.1", 0))
        return opened.getsockname()[1]


def _wait(ready, folder: Path, seconds: float = 60) -> None:
    until = time.monotonic() + seconds
    while not ready():
        if time.monotonic() > until:
            logs = "\n".join(f"{log.name}: {log.read_text()[-1500:]}" for log in folder.glob("*.log"))
            raise TimeoutError(f"the cluster's nodes are not idle after {seconds:.0f} s\n{logs}")
        time.sleep(0.5)
