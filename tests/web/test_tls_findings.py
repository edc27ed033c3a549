"""What the API and the page tell of the TLS of exchangers."""

import asyncio

from tests.metrics.boards import board_of_exchangers
from tests.web.serving import World


def test_what_there_is_to_say_about_tls_stands_beside_whom_it_is_about() -> None:
    response = asyncio.run(World(board_of_exchangers()).ask("/api/v1/pools"))
    [pool] = response.json()["pools"]
    said = {
        "finding": "validation-failure",
        "source": "dane",
        "text": 'none of the TLSA records of <mx2> fits "it"',
    }
    assert pool["findings"] == [
        {"finding": "sts-not-enforced", "source": "mta-sts", "text": "the policy is in mode testing"}
    ]
    assert {member["name"]: member["findings"] for member in pool["members"]} == {"mx1-v4": [], "mx2-v4": [said, said]}


def test_the_page_says_it_in_short_and_escaped() -> None:
    page = asyncio.run(World(board_of_exchangers()).ask("/")).text
    assert "Pool mx, TLS: the policy is in mode testing</li>" in page
    assert page.count("TLS: validation-failure<") == 1
    assert "records of &lt;mx2&gt; fits &quot;it&quot;; none of" in page
    assert "<mx2>" not in page
