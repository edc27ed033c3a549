"""The times that scenarios are played with, and what is promised by them."""

INTERVAL_SECONDS = 0.5
DEADLINE_SECONDS = 2.0
FALL, RISE = 3, 2
GRACE_SECONDS = 5.0
OUT_WITHIN_SECONDS = FALL * INTERVAL_SECONDS + DEADLINE_SECONDS + 2
"""From fault to ejection: fall x interval + deadline, and two seconds."""
BACK_WITHIN_SECONDS = RISE * INTERVAL_SECONDS + DEADLINE_SECONDS + 2
"""From repair to return: rise x interval + deadline, and two seconds."""
BUSY_SECONDS = 6.0
"""What a machine may add that plays several scenarios at the same time and has other work to do; see `Played.late`."""

TIMES = {
    "pools": {"vip": {"smtp": {"timeouts": {"connect": "1s", "reply": "1500ms", "total": "4s"}}}},
    "routes": {"inbound": {"interval": "500ms", "deadline": "2s", "retry": {"attempts": 1}}},
    "health": {"fall": FALL, "rise": RISE, "stale_after": "1m", "release_for": "1s"},
}
