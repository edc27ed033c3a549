"""Sockets to listen on."""

import asyncio
import socket

from probe.model.settings import Listen


async def bound(listen: Listen) -> list[socket.socket]:
    """Return sockets that listen on all addresses of a host; raises OSError when one cannot be had."""
    loop = asyncio.get_running_loop()
    found = await loop.getaddrinfo(listen.host, listen.port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
    sockets: list[socket.socket] = []
    try:
        for family, _, _, _, address in dict.fromkeys(found):
            sockets.append(socket.create_server(address[:2], family=family, backlog=1024))
            # Inherited by what is accepted: head and body are two writes, and the second would wait for an ACK.
            sockets[-1].setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    except OSError:
        for taken in sockets:
            taken.close()
        raise
    return sockets
