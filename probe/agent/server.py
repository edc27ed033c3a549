"""The server of the agent-check: from memory, for many, however rude some of them are."""

import asyncio
import logging
import socket
from collections.abc import Awaitable, Callable, Sequence
from functools import partial

from probe.agent.complaints import Complaints
from probe.agent.conversation import Conversation
from probe.agent.handover import Handover
from probe.agent.release import release_time
from probe.agent.words import NO_CHANGE, UP, words_for
from probe.engine.board import Board
from probe.model.answer import Answer
from probe.model.settings import Listen, MemberKey
from probe.net.descriptors import affordable
from probe.net.listening import bound

log = logging.getLogger(__name__)

MOST_CONNECTIONS = 500
SHARE_OF_DESCRIPTORS = 8
"""At most one in so many of the descriptors that the process may open."""


class AgentServer:
    """Answer HAProxy's agent-check where the config says."""

    def __init__(
        self,
        board: Callable[[], Board],
        listen: Listen,
        handover: Handover,
        *,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        """``handover`` outlives the server, which a reload may move elsewhere."""
        self._board = board
        self._listen = listen
        self._sockets: list[socket.socket] = []
        self._servers: list[asyncio.Server] = []
        self._open: dict[Conversation, None] = {}
        self._handover = handover
        self._complaints = Complaints()
        self._sleep = sleep
        self._released = False

    @property
    def port(self) -> int:
        """Return the port that is listened on; a real one where the config says 0."""
        return int(self._sockets[0].getsockname()[1])

    @property
    def sockets(self) -> Sequence[socket.socket]:
        """Return what is listened on."""
        return self._sockets

    async def start(self, sockets: Sequence[socket.socket] = ()) -> None:
        """Answer who comes to these sockets, or else to the address; raises OSError when that cannot be had."""
        self._sockets = list(sockets) or await bound(self._listen)
        loop = asyncio.get_running_loop()
        self._servers = [await loop.create_server(self._conversation, sock=listening) for listening in self._sockets]

    async def last_words(self) -> None:
        """Call everybody up, until all have heard it who were called down here: nobody will say so later."""
        takes = release_time(self._board(), self._handover)
        if takes is None:
            return
        self._released = True
        if takes:
            where = {"address": self._listen.host, "port": self.port, "seconds": takes.total_seconds()}
            log.info("members that are down are released where the agent-check was", extra=where)
            await self._sleep(takes.total_seconds())

    async def stop(self) -> None:
        """Let go of the port, and of everybody who has not asked yet."""
        for server in self._servers:
            server.close()
        for conversation in list(self._open):
            conversation.abandon()

    def answer(self, question: str) -> str:
        """Return the line for a question, which is POOL/MEMBER."""
        pool, _, member = question.partition("/")
        board = self._board()
        try:
            answer = board.answer(pool, member)
        except KeyError:
            return self._stranger(board, pool, member)
        if self._released:
            return UP  # the handover is kept where the next balancers ask
        return words_for(answer) if answer.unchanged or self._may_be_said(answer, board, (pool, member)) else UP

    def _may_be_said(self, answer: Answer, board: Board, member: MemberKey) -> bool:
        if answer.in_service:
            self._handover.up(member)
            return True
        health = board.settings.health
        most = health.min_healthy.expendable(len(board.members(member[0])))
        return self._handover.down(member, answer.verdict.since, most=most, heard_within=health.release_for)

    def _stranger(self, board: Board, pool: str, member: str) -> str:
        # It was there, and went while it was down: nobody else would ever call it up again.
        if self._handover.has_out((pool, member)):
            return UP
        if pool not in board.settings.pools or board.members(pool):  # else they may not have been discovered yet
            self._complaints.about(f"{pool}/{member}", "there is no such member; agent-send is POOL/MEMBER")
        return NO_CHANGE

    def _conversation(self) -> Conversation:
        if len(self._open) >= affordable(MOST_CONNECTIONS, SHARE_OF_DESCRIPTORS):
            self._make_room()
        return Conversation(self.answer, mute=partial(self._complaints.about, ""), opened=self._open)

    def _make_room(self) -> None:
        """Let the one go that has waited longest: it has had the most time to ask."""
        next(iter(self._open)).abandon()
