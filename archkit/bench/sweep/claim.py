"""`Claim`: which of several processes works on a run, on one machine or on many that share a folder.

A claim is a file beside the run's partial folder. It is made by exclusive creation, which is atomic on NFS
and other file systems without locks too, and its holder touches it every 20 seconds, which is filelock's
`SoftFileLease`.
Another process takes it over when its holder is dead, which is seen at once on the holder's machine, or when
nothing has touched it for 60 seconds by the clock of whoever waits; no two clocks are compared. A holder that
has lost its claim, as after a machine slept, notices and ends.
"""

from __future__ import annotations

import hashlib
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final, TypeAlias

from filelock import LeaseSettingsMismatch, SoftFileLease, Timeout

from archkit.errors import OutputError

__all__ = ["BusyError", "Claim", "ClaimLostError", "claimed", "lock_file"]

LEASE: Final = 60.0
"""Seconds without a touch after which a claim is another's to take."""

_Marker: TypeAlias = tuple[int, int, int, int]


class BusyError(OutputError):
    """Another process is at work on the run."""


class ClaimLostError(OutputError):
    """Another process has taken the run over; nothing more may be written for it."""


class Claim:
    """The right to work in a partial folder, while it is held and while it is waited for.

    Args:
        partial: the folder of the unfinished run; the folder that it is in must be there.
        lease: seconds without a touch after which it may be taken over.
    """

    def __init__(self, partial: Path, *, lease: float = LEASE) -> None:
        self._path, self._seconds = lock_file(partial), lease
        self._partial, self._lost = partial, False
        self._lease = SoftFileLease(
            self._path, timeout=0, lease_duration=lease, thread_local=False, on_compromise=self._compromised
        )
        self._seen: tuple[_Marker, float] | None = None

    def take(self) -> bool:
        """Takes the claim if it is free or its holder is gone; a claim that is waited for is asked again.

        Raises:
            OSError: the file cannot be written.
            OutputError: its holder has another idea of when it may be taken over.
        """
        for _ in range(2):
            try:
                self._lease.acquire()
            except Timeout:
                if not self._broken():
                    return False
            except LeaseSettingsMismatch as error:
                raise OutputError(f"{self._partial}: another version is at work on this run") from error
            else:
                self._lost = False
                return True
        return False

    def release(self) -> None:
        """Gives the claim up, if it is held."""
        self._lease.release()

    def hold(self) -> None:
        """Makes sure that the claim is still this process's.

        Raises:
            ClaimLostError: it is not.
        """
        if self._lost:
            raise ClaimLostError(f"{self._partial}: another process has taken this run over")

    def hold_now(self) -> None:
        """The same, by the file itself rather than by what was last seen of it.

        Raises:
            ClaimLostError: it is not this process's.
        """
        self._lost = self._lost or not self._lease.is_lock_held_by_us
        self.hold()

    def _compromised(self, _what: object) -> None:
        self._lost = True

    def _broken(self) -> bool:
        """Removes a claim that nobody has touched for long, where filelock does not.

        It does not where a file system cannot exchange two names, as NFS, nor if its holder died between
        making the file and writing into it. Of several processes that wait, only one may remove a claim: the
        one that makes, exclusively, a file that is named after it.
        """
        seen = self._marker()
        if seen is None:
            return True
        now = time.monotonic()
        if self._seen is None or self._seen[0] != seen:
            self._seen = seen, now
            return False
        if now - self._seen[1] < 1.5 * self._seconds:  # filelock comes first where it can
            return False
        right = self._path.with_name(
            f"{self._path.name}.{hashlib.sha256(repr(seen).encode()).hexdigest()[:8]}"
        )
        try:
            os.close(os.open(right, os.O_CREAT | os.O_EXCL | os.O_WRONLY))
        except FileExistsError:
            return False
        try:
            if self._marker() == seen:
                self._path.unlink(missing_ok=True)
        finally:
            right.unlink(missing_ok=True)
        return True

    def _marker(self) -> _Marker | None:
        try:
            found = self._path.stat()
        except FileNotFoundError:
            return None
        return found.st_ino, found.st_mtime_ns, found.st_ctime_ns, found.st_size


@contextmanager
def claimed(partial: Path, *, lease: float = LEASE) -> Iterator[Claim]:
    """Holds the claim on a run for the length of the block.

    Raises:
        BusyError: another process holds it.
        OSError: it cannot be written.
    """
    claim = Claim(partial, lease=lease)
    if not claim.take():
        raise BusyError(f"{partial}: another process is at work on this run")
    try:
        yield claim
    finally:
        with suppress(OSError):  # a folder that has become read-only keeps it; it runs out
            claim.release()


def lock_file(partial: Path) -> Path:
    """The file of the claim on the run of `partial`."""
    return partial.with_name(partial.name + ".lock")
