import pytest

from probe.model.secret import Secret
from probe.model.settings import ImapSettings, Listen, Login, Member, Share, TagKey


@pytest.mark.parametrize(
    "share, members, number",
    [
        *((Share(ratio=0.5), members, number) for members, number in enumerate([0, 1, 1, 2, 2, 3])),
        (Share(ratio=0.07), 1, 1),
        (Share(ratio=0.07), 14, 1),
        (Share(ratio=0.07), 15, 2),
        (Share(ratio=0.07), 100, 7),
        (Share(ratio=0.29), 100, 29),
        (Share(ratio=1 / 3), 3, 1),
        (Share(ratio=0.0), 4, 0),
        (Share(ratio=1.0), 4, 4),
        (Share(count=0), 4, 0),
        (Share(count=3), 4, 3),
        (Share(count=3), 3, 3),
        (Share(count=3), 2, 2),
    ],
    ids=str,
)
def test_a_share_is_rounded_up_and_never_more_than_there_are(share: Share, members: int, number: int) -> None:
    assert share.of(members) == number


def test_a_share_is_either_a_count_or_a_ratio() -> None:
    for count, ratio in ((None, None), (1, 0.5)):
        with pytest.raises(ValueError, match="either a count or a ratio"):
            Share(count, ratio)


@pytest.mark.parametrize("address, endpoint", [("127.0.0.1", "127.0.0.1:25"), ("::1", "[::1]:25")])
def test_an_endpoint_is_written_as_people_do(address: str, endpoint: str) -> None:
    assert Member("vip", "mta1", address).endpoint == endpoint
    assert str(Listen(address, 25)) == endpoint
    assert ImapSettings(address, Login("u", Secret("x")), 25).endpoint == endpoint


def test_a_command_is_written_as_a_shell_would_take_it() -> None:
    assert Member("local", "here", command=("/opt/my mta/sendmail", "-bs")).endpoint == "'/opt/my mta/sendmail' -bs"


@pytest.mark.parametrize("address, command", [(None, ()), ("127.0.0.1", ("/usr/sbin/sendmail", "-bs"))])
def test_a_member_has_either_an_address_or_a_command(address: str | None, command: tuple[str, ...]) -> None:
    with pytest.raises(ValueError, match="either an address or a command"):
        Member("local", "here", address, command=command)


@pytest.mark.parametrize("length, fits", [(15, False), (16, True)])
def test_a_tag_key_has_sixteen_bytes_or_more(length: int, fits: bool) -> None:
    if fits:
        assert TagKey("k1", b"x" * length).id == "k1"
    else:
        with pytest.raises(ValueError, match="k1: shorter than 16 bytes"):
            TagKey("k1", b"x" * length)


def test_secrets_are_never_shown() -> None:
    assert "opensesame" not in repr(TagKey("k1", b"opensesameopensesame"))
    secret = Secret("opensesame")
    assert f"{secret} {secret!r} {[secret]}" == "*** *** [***]"
    assert secret.reveal() == "opensesame"
