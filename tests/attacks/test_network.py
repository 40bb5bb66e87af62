"""Talking to anybody: the host's listeners, other machines, the kernel."""

from __future__ import annotations

import pytest

from ratchet.sandbox.protocol import Sandbox
from tests.attacks.attack import Attack, Host, assault, attack


def calls(name: str, *acts: str, control: bool = False) -> Attack:
    """Return an attack that gets through if any of these expressions raises nothing."""
    acts_text = ",\n        ".join(f"lambda: {act}" for act in acts)
    source = f"def attack(host):\n    return tries(\n        {acts_text})\n"
    return attack(name, source, control=control)


ATTACKS = (
    calls("tcp", "socket.create_connection(('127.0.0.1', host['port']), 1)", control=True),
    calls(
        "tcp_by_other_names",
        "socket.create_connection(('0.0.0.0', host['port']), 1)",
        "socket.create_connection(('localhost', host['port']), 1)",
        "socket.create_connection(('127.8.8.8', host['port']), 1)",
        "socket.create_connection(('::ffff:127.0.0.1', host['port']), 1)",
        control=True,
    ),
    calls(
        "udp",
        "socket.socket(type=socket.SOCK_DGRAM).sendto(b'x', ('127.0.0.1', host['udp']))",
        control=True,
    ),
    calls("ip6", "socket.create_connection(('::1', host['port']), 1)"),
    calls("names", "socket.gethostbyname('example.com')", "socket.getaddrinfo('example.com', 80)"),
    calls(
        "other_machines",
        "socket.create_connection(('1.1.1.1', 53), 0.3)",
        "socket.create_connection(('169.254.169.254', 80), 0.3)",
        "socket.socket(type=socket.SOCK_DGRAM).sendto(b'x', ('8.8.8.8', 53))",
    ),
    calls(
        "abstract_socket",
        "socket.socket(socket.AF_UNIX).connect('\\0' + host['abstract']) or 'in'",
        control=True,
    ),
    calls(
        "socket_file",
        "socket.socket(socket.AF_UNIX).connect(host['socket']) or 'in'",
        "socket.socket(socket.AF_UNIX).connect('/run/dbus/system_bus_socket') or 'in'",
        "socket.socket(socket.AF_UNIX).connect('/var/run/docker.sock') or 'in'",
        control=True,
    ),
    calls(
        "kernel_sockets",
        "socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, 0)",
        "socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 3)",
        "socket.socket(socket.AF_INET, socket.SOCK_RAW, 1)",
        "socket.socket(socket.AF_ALG, socket.SOCK_SEQPACKET)",
        "socket.socket(socket.AF_VSOCK, socket.SOCK_STREAM)",
        "socket.socket(socket.AF_BLUETOOTH, socket.SOCK_RAW)",
    ),
    calls(
        "listen",
        "socket.create_server(('127.0.0.1', 0))",
        "socket.create_server(('0.0.0.0', 0))",
        "socket.socket(socket.AF_UNIX).bind('\\0ratchet-listen') or 'in'",
        control=True,
    ),
    attack(
        "socket_by_number",
        """
        def attack(host):
            fd = libc.syscall(41, 2, 1, 0)
            if fd < 0:
                return []
            where = (2).to_bytes(2, "little") + host["port"].to_bytes(2, "big")
            where += bytes([127, 0, 0, 1]) + bytes(8)
            return libc.connect(fd, where, 16) == 0 and [fd]
        """,
        control=True,
    ),
    calls(
        "datagram_socket_file",
        "socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)[0].sendto(b'x', host['mail'])",
        "socket.socketpair(socket.AF_UNIX, socket.SOCK_RAW)[0].sendto(b'x', host['mail'])",
        "socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)[0].sendto(b'x', '/dev/log')",
        control=True,
    ),
    attack(
        "inherited_sockets",
        """
        import stat
        def attack(host):
            got = []
            for fd in range(256):
                try:
                    if not stat.S_ISSOCK(os.fstat(fd).st_mode):
                        continue
                    made = socket.socket(fileno=os.dup(fd))
                except OSError:
                    continue
                got += tries(lambda: made.accept(), lambda: made.connect(("127.0.0.1", 1)) or 1)
                if made.family != socket.AF_UNIX:
                    got.append(str(made))
            return got
        """,
    ),
    attack(
        "descriptors_sent_over_a_pair",
        """
        def attack(host):
            a, b = socket.socketpair()
            got = tries(lambda: a.sendto(b"x", "\\0" + host["abstract"]),
                        lambda: a.connect(host["socket"]) or 1)
            socket.send_fds(a, [b"x"], [b.fileno()])
            return got
        """,
    ),
)


@pytest.mark.parametrize("attack", ATTACKS, ids=str)
def test_nobody_hears_it(sandbox: Sandbox, host: Host, attack: Attack) -> None:
    assault(sandbox, host, attack)
