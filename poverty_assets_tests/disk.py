"""A small disk of a test's own, which fills up, or which nobody may write to.

Belongs here: mounting one and taking it away. Where nobody may mount (no root, a closed container) tests that ask for it are skipped by
name.
"""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest


class Disk:
    """A file system in memory.

    Parameters
    ----------
    folder : Path
        Where it is mounted; made if it is not there.
    kilobytes : int
        Its size.
    """

    def __init__(self, folder: Path, kilobytes: int) -> None:
        self.folder = folder
        folder.mkdir(parents=True, exist_ok=True)
        if not _mounted("-t", "tmpfs", "-o", f"size={kilobytes}k", "tmpfs", folder):
            pytest.skip("nobody may mount a disk here")

    def resize(self, kilobytes: int) -> None:
        """Give it another size."""
        assert _mounted("-o", f"remount,size={kilobytes}k", self.folder)

    def protect(self) -> None:
        """Let nobody write to it any more."""
        assert _mounted("-o", "remount,ro", self.folder)

    def used(self) -> int:
        """Kilobytes in use."""
        found = os.statvfs(self.folder)
        return (found.f_blocks - found.f_bfree) * found.f_frsize // 1024

    def take_away(self) -> None:
        """Unmount it, whoever still has files of it open."""
        subprocess.run(["umount", "-l", self.folder], check=True)


def _mounted(*arguments: object) -> bool:
    command = ["mount", *map(str, arguments)]
    return os.getuid() == 0 and subprocess.run(command, capture_output=True).returncode == 0
