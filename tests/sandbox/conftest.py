"""Bait for one session, and a net around the tests: whatever a broken sandbox lets through stays bounded."""

import resource
from collections.abc import Iterator

import pytest

from tests.sandbox.world import World, new_world

_GIB = 1 << 30
_NET = {resource.RLIMIT_FSIZE: _GIB, resource.RLIMIT_DATA: 8 * _GIB, resource.RLIMIT_CORE: 0}


@pytest.fixture(scope="session")
def net() -> Iterator[None]:
    before = {number: resource.getrlimit(number) for number in _NET}
    for number, bound in _NET.items():
        hard = before[number][1]
        resource.setrlimit(number, (bound if hard == resource.RLIM_INFINITY else min(bound, hard), hard))
    yield
    for number, limits in before.items():
        resource.setrlimit(number, limits)


@pytest.fixture(scope="session")
def world(net: None) -> Iterator[World]:
    with new_world() as made:
        yield made
