"""Starts a real Slurm on one machine: several nodes, each a `slurmd` with its own port, and simulated GPUs.

    python tests/slurm/one_machine.py     # runs until Ctrl-C; prints how to use it

All files are in one new folder, apart from any Slurm of the machine itself. Slurm's own measurements limit
memory, because a container may have no control groups. Every daemon is a child of this process.
"""

import ctypes
import getpass
import os
import secrets
import shutil
import signal
import socket
import stat
import subprocess
import tempfile
import time
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

DAEMONS = ("munged", "slurmctld", "slurmd")
COMMANDS = ("sbatch", "salloc", "srun", "scancel", "squeue", "scontrol", "sinfo")
CONF = """\
ClusterName=one_machine
SlurmctldHost={host}(127.0.0.1)
SlurmctldPort={port}
SlurmUser={user}
SlurmdUser={user}
AuthType=auth/munge
AuthInfo=socket={folder}/munge.sock,cred_expire=20
CredType=cred/munge
MpiDefault=none
SwitchType=switch/none
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
JobAcctGatherType=jobacct_gather/linux
JobAcctGatherFrequency=task=1
JobAcctGatherParams=OverMemoryKill
AccountingStorageType=accounting_storage/none
StateSaveLocation={folder}/state
SlurmdSpoolDir={folder}/spool.%n
SlurmctldPidFile={folder}/slurmctld.pid
SlurmdPidFile={folder}/slurmd.%n.pid
SlurmctldLogFile={folder}/slurmctld.log
SlurmdLogFile={folder}/slurmd.%n.log
SlurmdParameters=config_overrides
SchedulerType=sched/backfill
SchedulerParameters=batch_sched_delay=0,sched_interval=1,bf_interval=1,requeue_delay=1
SelectType=select/cons_tres
SelectTypeParameters=CR_Core_Memory
PreemptType=preempt/partition_prio
PreemptMode=REQUEUE
GresTypes=gpu
ReturnToService=2
MinJobAge=300
KillWait=10
SlurmdTimeout=15
MessageTimeout=15
NodeName=node[1-{nodes}] NodeHostname={host} NodeAddr=127.0.0.1 Port=[{first}-{last}] CPUs={cpus} Boards=1 \
SocketsPerBoard=1 CoresPerSocket={cpus} ThreadsPerCore=1 RealMemory={memory} Gres=gpu:simulated:{gpus}
PartitionName=main Nodes=ALL Default=YES MaxTime=1-0 PriorityTier=1
PartitionName=urgent Nodes=ALL MaxTime=1-0 PriorityTier=2
"""


def why_not() -> str | None:
    """Return why Slurm cannot be started here, in a sentence."""
    missing = [name for name in DAEMONS if not shutil.which(name, path=_path())]
    if missing:
        return f"{', '.join(missing)} not installed: tests/slurm/install.sh does it, as root or with sudo"
    if os.geteuid() != 0:
        return "simulated GPUs are device nodes, and only root may make these"
    return None


@dataclass
class Slurm:
    """Nodes of `cpus` cores, `memory` MB and `gpus` simulated GPUs each, regardless of the machine."""

    folder: Path
    nodes: int = 3
    cpus: int = 16
    memory: int = 64_000
    gpus: int = 2
    daemons: dict[str, subprocess.Popen] = field(default_factory=dict)

    @property
    def environment(self) -> dict[str, str]:
        """The variables of a shell that uses this Slurm.

        Snakemake's job steps drop every SLURM_ variable, SLURM_CONF too. So there are wrappers on PATH.
        """
        return os.environ | {"PATH": f"{self.folder}/bin:{os.environ['PATH']}"}

    def start(self) -> None:
        """Start the daemons, and wait until every node is idle."""
        self.folder.chmod(0o755)
        for name in ("state", "bin", "dev"):
            (self.folder / name).mkdir()
        self._write_configuration()
        key = self.folder / "munge.key"
        key.write_bytes(secrets.token_bytes(128))
        key.chmod(0o400)
        names = ("key-file", "munge.key"), ("socket", "munge.sock"), ("pid-file", "munged.pid")
        names += ("log-file", "munged.log"), ("seed-file", "munged.seed")
        options = [f"--{option}={self.folder / name}" for option, name in names]
        self._run("munged", "munged", "--foreground", *options)
        self._until(lambda: (self.folder / "munge.sock").exists(), "munged")
        self._run("slurmctld", "slurmctld", "-D")
        for number in range(1, self.nodes + 1):
            self.start_node(f"node{number}")
        self._until(
            lambda: self.call("sinfo", "-p", "main", "-hNo", "%T").split() == ["idle"] * self.nodes,
            "nodes",
        )
        # Snakemake asks for it at each check, and after ten seconds without an answer it asks `sacct`, which
        # knows nothing here, and sees no job end any more. A busy machine may take longer.
        (self.folder / "shown").write_text(self.call("scontrol", "show", "config"))

    def start_node(self, name: str) -> None:
        """Start a node's daemon."""
        (self.folder / f"spool.{name}").mkdir(exist_ok=True)
        self._run(name, "slurmd", "-D", "-N", name)

    def lose_node(self, name: str) -> None:
        """End a node's daemon and all that runs there, as if its power were cut."""
        for pid in self._steps(name):
            _kill_tree(pid)
        self.daemons[name].kill()
        self.daemons.pop(name).wait()
        for pid in self._steps(name):
            _kill_tree(pid)
        self.call("scontrol", "update", f"NodeName={name}", "State=DOWN", "Reason=lost")

    def call(self, *command: str, check: bool = True) -> str:
        """Run a command of this Slurm, and return what it prints."""
        done = subprocess.run(
            command, env=self.environment, text=True, capture_output=True, check=False
        )
        if check and done.returncode:
            raise RuntimeError(f"{' '.join(command)}: {done.stdout}{done.stderr}")
        return done.stdout

    def states(self) -> list[str]:
        """Return the state of every node."""
        return self.call("sinfo", "-p", "main", "-hNo", "%T").split()

    def jobs(self) -> list[str]:
        """Return the ids of jobs that wait or run."""
        return self.call("squeue", "-ho", "%i", check=False).split()

    def stop(self) -> None:
        """Cancel every job, then end every daemon and what it started."""
        if "slurmctld" in self.daemons:
            self.call("scancel", "--user", getpass.getuser(), check=False)
            deadline = time.monotonic() + 15
            while self.jobs() and time.monotonic() < deadline:
                time.sleep(0.3)
        for name in list(self.daemons):
            for pid in self._steps(name):
                _kill_tree(pid)
        for daemon in reversed(self.daemons.values()):
            daemon.terminate()
        for daemon in self.daemons.values():
            try:
                daemon.wait(10)
            except subprocess.TimeoutExpired:
                daemon.kill()
                daemon.wait()
        self.daemons.clear()

    def _steps(self, node: str) -> list[int]:
        """Return the process ids of a node's job steps; slurmd leaves them to init, with its log open."""
        log, found = f"{self.folder}/slurmd.{node}.log", []
        for path in Path("/proc").glob("[0-9]*"):
            with suppress(OSError):
                title = (path / "cmdline").read_bytes()
                if title.startswith(b"slurmstepd") and log in map(
                    os.readlink, (path / "fd").iterdir()
                ):
                    found.append(int(path.name))
        return found

    def _write_configuration(self) -> None:
        port = _free_ports(self.nodes + 1)
        text = CONF.format(
            host=socket.gethostname().split(".")[0],
            user=getpass.getuser(),
            folder=self.folder,
            port=port,
            first=port + 1,
            last=port + self.nodes,
            nodes=self.nodes,
            cpus=self.cpus,
            memory=self.memory,
            gpus=self.gpus,
        )
        (self.folder / "slurm.conf").write_text(text)
        (self.folder / "cgroup.conf").write_text("CgroupPlugin=cgroup/v1\n")
        for number in range(self.gpus):  # slurmd counts device nodes and nothing else
            os.mknod(self.folder / f"dev/gpu{number}", 0o666 | stat.S_IFCHR, os.makedev(1, 3))
        files = f"{self.folder}/dev/gpu[0-{self.gpus - 1}]"
        gres = f"NodeName=node[1-{self.nodes}] Name=gpu Type=simulated File={files}\n"
        (self.folder / "gres.conf").write_text(gres)
        for command in COMMANDS:
            real = shutil.which(command)
            wrapper = self.folder / "bin" / command
            shown = f"{self.folder}/shown"
            known = f'[ "$*" = "show config" ] && [ -s {shown} ] && exec cat {shown}\n'
            known = known if command == "scontrol" else ""
            asked = f'SLURM_CONF={self.folder}/slurm.conf exec {real} "$@"\n'
            wrapper.write_text(f"#!/bin/sh\n{known}{asked}")
            wrapper.chmod(0o755)

    def _run(self, name: str, *command: str) -> None:
        own = {"SLURM_CONF": f"{self.folder}/slurm.conf", "PATH": f"{self.folder}/bin:{_path()}"}
        with open(self.folder / f"{name}.out", "ab") as said:
            self.daemons[name] = subprocess.Popen(
                command,
                env=os.environ | own,
                stdin=subprocess.DEVNULL,
                stdout=said,
                stderr=said,
                preexec_fn=_die_with_parent,
            )

    def _until(self, holds, what: str) -> None:
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline:
            dead = [name for name, daemon in self.daemons.items() if daemon.poll() is not None]
            if dead:
                told = "".join(
                    p.read_text()[-2000:]
                    for p in self.folder.glob(f"{dead[0]}.*")
                    if p.suffix in (".out", ".log")
                )
                raise RuntimeError(f"{dead[0]} ended: {told}")
            try:
                if holds():
                    return
            except RuntimeError:
                pass
            time.sleep(0.2)
        raise RuntimeError(f"{what}: not there after a minute; see {self.folder}")


def _path() -> str:
    return f"{os.environ['PATH']}:/usr/sbin:/sbin"


def _die_with_parent() -> None:
    ctypes.CDLL(None).prctl(1, signal.SIGTERM)  # PR_SET_PDEATHSIG
    os.setpgid(0, 0)  # Ctrl-C is for this process, which stops them in order


def _kill_tree(pid: int) -> None:
    with suppress(OSError):
        os.kill(pid, signal.SIGSTOP)  # it starts nothing more
        children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
        for child in children:
            _kill_tree(int(child))
        os.kill(pid, signal.SIGKILL)


def _free_ports(count: int) -> int:
    """Return the first of `count` consecutive free ports."""
    for first in range(21_000, 60_000, 100):
        sockets = []
        try:
            for port in range(first, first + count):
                sockets.append(socket.create_server(("127.0.0.1", port)))
            return first
        except OSError:
            continue
        finally:
            for each in sockets:
                each.close()
    raise RuntimeError("no free ports")


@contextmanager
def slurm(**sizes):
    """Run a Slurm for the time of a block."""
    folder = Path(tempfile.mkdtemp(prefix="r1v3-slurm-"))
    cluster = Slurm(folder, **sizes)
    try:
        cluster.start()
        yield cluster
    finally:
        cluster.stop()
        shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    if reason := why_not():
        raise SystemExit(reason)
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    with suppress(KeyboardInterrupt), slurm() as running:
        print(f"export PATH={running.folder}/bin:$PATH   # Ctrl-C here stops it", flush=True)
        signal.pause()
