"""The way to a Ray cluster that is there, and the sentences where there is none."""

from __future__ import annotations

import contextlib
import logging
import os
import socket
import warnings
from collections.abc import Iterator

from harness.runner.cluster.needs import Node, Unavailable

_START = "start one with ray start --head, and on other machines ray start --address=HOST:6379"

_SECONDS = 10.0
"""How long a head may take to answer; Ray itself would wait for two minutes."""


@contextlib.contextmanager
def connected(address: str | None) -> Iterator[None]:
    """Be a driver of the cluster at this address.

    What Ray would tell a person on the way stays in its own logs.

    Raises:
        Unavailable: there is no such cluster, or this machine or its software does not belong to
            it.
    """
    import ray

    asked = address or os.environ.get("RAY_ADDRESS") or "auto"
    _check_head(asked)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            ray.init(address=asked, log_to_driver=False, logging_level=logging.ERROR)
    except Exception as error:
        raise Unavailable(
            f"this machine cannot join the Ray cluster at {asked}: {_sentence(error)}; it must be a"
            " node itself (ray start --address=HOST:6379, with --num-cpus=0 where it is to run"
            " nothing), with the Python and the Ray of all the others"
        ) from error
    _quieten()
    try:
        yield
    finally:
        ray.shutdown()


def nodes() -> list[Node]:
    """Return the nodes that are alive."""
    import ray

    return [
        Node(node["NodeManagerHostname"], has.get("CPU", 0.0), has.get("GPU", 0.0))
        for node in ray.nodes()
        if node["Alive"]
        for has in [node["Resources"]]
    ]


def head_answers() -> bool:
    """Tell whether the head is there.

    Once it is not, Ray ends this process after a minute, whatever it is doing.
    """
    import ray

    try:
        _reach(ray.get_runtime_context().gcs_address)
    except OSError:
        return False
    return True


def _check_head(asked: str) -> None:
    """See that something answers at an address."""
    from ray._private.services import canonicalize_bootstrap_address

    if asked.startswith("ray://"):
        raise Unavailable(
            f"{asked} is the address of a Ray client, which leaves this machine outside the"
            " cluster, and with it the store: join the cluster with ray start --address=HOST:6379,"
            " and give that address or none"
        )
    try:
        place = canonicalize_bootstrap_address(asked)
    except ConnectionError:
        place = None  # auto, and there is none
    except (ValueError, OSError) as error:
        raise Unavailable(
            f"--address {asked!r} is no address such as 192.0.2.1:6379, and not auto"
        ) from error
    if place is None:
        raise Unavailable(f"no Ray cluster runs on this machine: {_START}")
    try:
        _reach(place)
    except OSError as error:
        raise Unavailable(
            f"no Ray cluster answers at {place} ({_sentence(error)}): {_START}"
        ) from error


def _reach(place: str) -> None:
    host, _, port = place.rpartition(":")
    socket.create_connection((host.strip("[]"), port), _SECONDS).close()


def _sentence(error: Exception) -> str:
    return " ".join(str(error).split()).rstrip(".")


def _quieten() -> None:
    """Keep Ray from printing a page for a node that dies.

    The runs go on elsewhere, and nobody has to act.
    """
    from ray._private import worker

    worker.print_to_stdstream = lambda *_, **__: None
