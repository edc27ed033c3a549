"""Answers HAProxy's agent-check: a name in, a word out, by TCP."""

from probe.agent.handover import Handover
from probe.agent.release import release_time
from probe.agent.server import AgentServer

__all__ = ["AgentServer", "Handover", "release_time"]
