"""`slurm_here`: the real SLURM on this machine alone, for as long as a block lasts.

With its accounting, for submitit asks `sacct` how a job is. It needs the rights of root and the programs of
SLURM, MUNGE and MariaDB: on Debian `apt-get install slurm-wlm slurmdbd munge mariadb-server`.
"""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

__all__ = ["lacking", "slurm_here"]

PROGRAMS = ("munged", "mariadbd", "mariadb-install-db", "slurmdbd", "slurmctld", "slurmd", "sbatch", "sacct")
PACKAGES = "apt-get install slurm-wlm slurmdbd munge mariadb-server"
PATIENCE = 30.0  # seconds
# Jobs of `high` take the place of those of `low`, which are warned, and go back into the queue.
CONFIGURATION = """
ClusterName=here
SlurmctldHost={host}
SlurmctldPort={ports[0]}
SlurmdPort={ports[1]}
SlurmUser=root
SlurmdUser=root
SlurmdParameters=config_overrides
AuthInfo=socket={place}/munge.socket
AccountingStorageType=accounting_storage/slurmdbd
AccountingStorageHost={host}
AccountingStoragePort={ports[2]}
AccountingStoragePass={place}/munge.socket
StateSaveLocation={place}/state
SlurmdSpoolDir={place}/spool
SlurmctldPidFile={place}/slurmctld.pid
SlurmdPidFile={place}/slurmd.pid
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
SelectType=select/cons_tres
SelectTypeParameters=CR_CPU
MpiDefault=none
ReturnToService=2
KillWait=5
JobRequeue=1
SchedulerParameters=batch_sched_delay=1,sched_interval=2,sched_min_interval=200000,requeue_delay=1,preempt_send_user_signal
PreemptType=preempt/partition_prio
PreemptMode=REQUEUE
NodeName={host} CPUs={cpus} State=UNKNOWN
PartitionName=low Nodes=ALL Default=YES State=UP PriorityTier=1 GraceTime=20
PartitionName=high Nodes=ALL State=UP PriorityTier=10
"""
ACCOUNTING = """
DbdHost={host}
DbdPort={ports[2]}
SlurmUser=root
AuthType=auth/munge
AuthInfo=socket={place}/munge.socket
StorageType=accounting_storage/mysql
StorageHost=127.0.0.1
StoragePort={ports[3]}
StorageUser=slurm
StorageLoc=slurm
PidFile={place}/slurmdbd.pid
LogFile={place}/slurmdbd.log
"""
DATABASE = """
[mariadbd]
datadir={place}/database
socket={place}/mariadb.socket
pid-file={place}/mariadb.pid
port={ports[3]}
bind-address=127.0.0.1
user=root
skip-grant-tables
skip-name-resolve
innodb_buffer_pool_size=64M
"""
"""Open to whoever is on this machine: what is in it is the jobs of one test."""


def lacking() -> str | None:
    """Why SLURM cannot be started here, or None."""
    missing = [name for name in PROGRAMS if shutil.which(name, path=_path()) is None]
    if missing:
        return f"SLURM is not installed: there is no {missing[0]} ({PACKAGES})"
    return None if os.geteuid() == 0 else "only root can start SLURM"


@contextmanager
def slurm_here(cpus: int = 2) -> Iterator[Mapping[str, str]]:
    """Starts SLURM with the partitions `low` and `high`; in the block, the environment of its commands.

    Args:
        cpus: how many the machine says it has; more than there are is allowed.

    Raises:
        RuntimeError: a program is missing, or does not start; the message has the end of its log.
    """
    if (why := lacking()) is not None:
        raise RuntimeError(why)
    with tempfile.TemporaryDirectory(prefix="slurm") as name:
        place = Path(name)
        (place / "state").mkdir()
        (place / "spool").mkdir()
        key = place / "munge.key"
        key.write_bytes(os.urandom(128))
        key.chmod(0o400)
        words = {
            "place": place,
            "host": socket.gethostname().partition(".")[0],
            "cpus": cpus,
            "ports": [_free() for _ in range(4)],
        }
        for file, text in (("slurm", CONFIGURATION), ("slurmdbd", ACCOUNTING), ("database", DATABASE)):
            (place / f"{file}.conf").write_text(text.format(**words), encoding="utf-8")
            (place / f"{file}.conf").chmod(0o600)  # slurmdbd wants it so
        environment = {**os.environ, "PATH": _path(), "SLURM_CONF": str(place / "slurm.conf")}
        started: list[subprocess.Popen[bytes]] = []
        try:
            for command, answers in _commands(place, str(words["host"])):
                with (place / f"{command[0]}.out").open("ab") as log:
                    one = subprocess.Popen(
                        command, env=environment, stdout=log, stderr=log, stdin=subprocess.DEVNULL
                    )
                started.append(one)
                _until(answers, environment, one, place / f"{command[0]}.out")
            yield environment
        finally:
            subprocess.run(["scancel", "--user=root"], env=environment, capture_output=True, check=False)
            for one in reversed(started):
                one.terminate()
                try:
                    one.wait(20)
                except subprocess.TimeoutExpired:
                    one.kill()
                    one.wait()


def _commands(place: Path, host: str) -> Iterator[tuple[list[str], list[str]]]:
    """Each program in the order in which they need each other, and a command that succeeds when it is up."""
    munge = ["munged", "--foreground", "--force", f"--key-file={place}/munge.key"]
    munge += [f"--{what}={place}/munge.{what}" for what in ("socket", "pid-file", "log-file", "seed-file")]
    yield munge, ["munge", "--no-input", f"--socket={place}/munge.socket"]
    made = [
        "mariadb-install-db",
        f"--defaults-file={place}/database.conf",
        "--auth-root-authentication-method=normal",
    ]
    subprocess.run(made, env={**os.environ, "PATH": _path()}, capture_output=True, check=True)
    ask = ["mariadb", f"--socket={place}/mariadb.socket", "--execute"]
    yield (
        ["mariadbd", f"--defaults-file={place}/database.conf"],
        [*ask, "CREATE DATABASE IF NOT EXISTS slurm"],
    )
    yield ["slurmdbd", "-D"], ["sacctmgr", "--noheader", "show", "cluster"]
    yield ["slurmctld", "-D", "-c"], ["scontrol", "ping"]
    yield ["slurmd", "-D", "-N", host], ["sh", "-c", "sinfo --noheader --format=%T | grep -q idle"]


def _until(
    answers: list[str], environment: Mapping[str, str], one: subprocess.Popen[bytes], log: Path
) -> None:
    """Waits until a program is up."""
    end = time.monotonic() + PATIENCE
    asked = ""
    while one.poll() is None and time.monotonic() < end:
        done = subprocess.run(answers, env=environment, capture_output=True, text=True, check=False)
        if done.returncode == 0:
            return
        asked = done.stdout + done.stderr
        time.sleep(0.5)
    said = log.read_text(encoding="utf-8", errors="replace")[-1500:]
    raise RuntimeError(f"{log.stem} {'is not up' if one.poll() is None else 'ended'}:\n{said}{asked}")


def _path() -> str:
    return os.pathsep.join((os.environ.get("PATH", os.defpath), "/usr/sbin", "/sbin"))


def _free() -> int:
    with socket.socket() as any_port:
        any_port.bind(("", 0))
        return int(any_port.getsockname()[1])
