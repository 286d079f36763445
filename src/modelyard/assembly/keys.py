"""Encryption keys, and the memory that what is under one is worked with in."""

from __future__ import annotations

from pathlib import Path

from modelyard.assembly.ground import Ground
from modelyard.compute.memory import MemoryFolder
from modelyard.compute.moved_base import MovedBase
from modelyard.compute.runtime import Runtime
from modelyard.home import Home
from modelyard.keys.access import KeyAccess
from modelyard.keys.alias_operations import AliasOperations
from modelyard.keys.crypto_operations import CryptoOperations
from modelyard.keys.keeper import KeyKeeper
from modelyard.keys.key_operations import KeyOperations
from modelyard.keys.rotation_operations import RotationOperations
from modelyard.keys.tags import KeyTagOperations
from modelyard.settings import Settings


def add_keys(ground: Ground) -> KeyKeeper:
    ring, access = ground.key_ring, KeyAccess(ground.table.decide)
    for capability in (
        KeyOperations(ring, access),
        KeyTagOperations(ring, access),
        AliasOperations(ring, access),
        RotationOperations(ring, access),
        CryptoOperations(ring, access),
    ):
        ground.table.add(capability)
    return KeyKeeper(ring)


def memory_of(settings: Settings, home: Home, runtime: Runtime) -> MemoryFolder:
    folder, refused = Path(settings.memory_folder), ""
    if runtime.name == MovedBase.name and folder.is_relative_to("/dev"):
        refused = (
            "what is under a key is worked with in memory, and jobs that are confined by "
            f"{runtime.name!r} can see {folder}: install bubblewrap, or mount a tmpfs elsewhere "
            "and name it with the setting memory_folder"
        )
    return MemoryFolder(folder, home.path, refused=refused)
