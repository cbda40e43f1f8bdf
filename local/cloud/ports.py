"""Free ports on loopback."""

import random
import socket

HOST = "127.0.0.1"
# Below the range from which the system takes the ports of outgoing connections, so that none of
# those takes the port between the moment it is found free and the moment it is used.
_RANGE = range(20_000, 30_000)


def free_port() -> int:
    """Find a port that nothing listens on; raises ``OSError`` when none is found.

    No other process gets it from here as long as this one lives: stacks that start at the same
    time would else get the same one, before either listens.
    """
    for port in random.SystemRandom().sample(_RANGE, 50):
        if _claim(port):
            with socket.socket() as probe:
                if probe.connect_ex((HOST, port)) != 0:
                    return port
    message = f"50 ports from {_RANGE.start} to {_RANGE.stop} are all taken"
    raise OSError(message)


def _claim(port: int) -> bool:
    """Take the UDP port of this number for the life of the process, as a lock on the TCP port."""
    lock = socket.socket(type=socket.SOCK_DGRAM)
    try:
        lock.bind((HOST, port))
    except OSError:
        lock.close()
        return False
    lock.detach()
    return True
