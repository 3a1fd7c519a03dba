"""The suite bites: with one protection taken away, the attack it stands for succeeds."""

import os

import pytest

from autogen.coding.sandbox import Sandbox, choose
from autogen.coding.sandbox.bwrap import Bwrap
from autogen.coding.sandbox.landlock import Landlock
from tests.sandbox.attacks import ATTACKS
from tests.sandbox.test_attacks import rung_here
from tests.sandbox.world import World, hits

BY_NAME = {attack.name: attack for attack in ATTACKS}
AS_ROOT = hasattr(os, "geteuid") and os.geteuid() == 0

BWRAP = [
    ("seccomp", "set_id_chmod"),
    ("seccomp", "socket_netlink"),
    ("seccomp", "syscall_keyctl"),
    ("seccomp", "memory_system_v"),
    ("network", "connect_tcp_loopback"),
    ("network", "connect_udp_loopback"),
    ("network", "connect_abstract_socket"),
    ("pids", "daemon_survives_exit"),
    ("limits", "raise_limits"),
    ("watch", "fill_work_dir"),
    ("watch", "many_files"),
    ("watch", "disk_deleted_files"),
    ("masks", "read_dot_env"),
    ("masks", "read_git_config"),
    ("masks", "write_git_hook"),
    ("private-etc", "read_passwd"),
    ("remount", "write_etc"),
]
LANDLOCK = [
    ("landlock", "read_secret_beside_work_dir"),
    ("landlock", "write_outside"),
    ("seccomp", "connect_path_socket"),
    ("seccomp", "set_id_chmod"),
    ("limits", "raise_limits"),
    ("watch", "fill_work_dir"),
    ("scope", "signal_victim_stop"),
]
TWICE_AS_ROOT = {"write_etc": "the files of the root folder belong to root, and code is not root",
                 "signal_victim_stop": "code has a user of its own"}  # fmt: skip


@pytest.mark.parametrize(("protection", "attack"), BWRAP)
def test_without_it_bwrap_lets_the_attack_through(protection: str, attack: str, world: World) -> None:
    rung_here("bwrap")
    _succeeds(Bwrap(without=frozenset({protection})), attack, world)


@pytest.mark.parametrize(("protection", "attack"), LANDLOCK)
def test_without_it_landlock_lets_the_attack_through(protection: str, attack: str, world: World) -> None:
    rung_here("landlock")
    without = {protection, "mute"} if protection == "scope" else {protection}
    _succeeds(Landlock(without=frozenset(without)), attack, world)


def _succeeds(rung: Sandbox, attack: str, world: World) -> None:
    if AS_ROOT and attack in TWICE_AS_ROOT:
        pytest.skip(f"stopped twice for root: {TWICE_AS_ROOT[attack]}")
    assert hits(BY_NAME[attack], rung, world) != ""


@pytest.mark.parametrize("attack", [
    "read_ssh_key", "read_secret_beside_work_dir", "connect_tcp_loopback", "connect_path_socket", "write_outside",
    "change_mode_outside", "set_id_chmod", "mask_moved_away",
])  # fmt: skip
@pytest.mark.filterwarnings("ignore:model-written code runs without a sandbox")
def test_without_a_sandbox_the_attacks_succeed(attack: str, world: World) -> None:
    assert hits(BY_NAME[attack], choose("off"), world) != ""


def test_unknown_protections_are_refused() -> None:
    rung_here("bwrap")
    with pytest.raises(ValueError, match="unknown protections"):
        Bwrap(without=frozenset({"everything"}))
