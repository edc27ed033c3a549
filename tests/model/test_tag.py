import contextlib
from base64 import b32decode, b32encode
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from probe.model import tag
from probe.model.settings import TagKey
from probe.model.tag import Trust
from tests.model.build import KEY, NOW, SECOND

ID = bytes(range(12))
SCOPE = tag.scope("vip", "inbound", "mta1")
MOMENTS = st.datetimes(datetime(1970, 1, 2), datetime(2106, 2, 1)).map(lambda at: at.replace(tzinfo=UTC))


def written(key: TagKey = KEY, instance: str = "probe-a") -> str:
    return tag.compose(key, instance=instance, scope=SCOPE, id=ID, time=NOW)


def trust(text: str, *keys: TagKey, instance: str = "probe-a") -> Trust:
    return tag.verify(text, keys or [KEY], instance=instance)[0]


@given(
    instance=st.text(max_size=30),
    names=st.tuples(st.text(max_size=9), st.text(max_size=9), st.text(max_size=9)),
    raw=st.binary(min_size=12, max_size=12),
    time=MOMENTS,
)
def test_what_was_signed_is_read_again(instance: str, names: tuple[str, str, str], raw: bytes, time: datetime) -> None:
    text = tag.compose(KEY, instance=instance, scope=tag.scope(*names), id=raw, time=time)
    proved, found = tag.verify(text, [KEY], instance=instance)
    assert proved is Trust.GENUINE
    assert (found.scope, found.id, found.time) == (tag.scope(*names), raw, time.replace(microsecond=0))


def test_a_tag_fits_on_a_line_with_its_field_name() -> None:
    assert len(written()) == tag.LENGTH <= 100


def test_the_same_tag_is_written_the_same_again() -> None:
    assert written() == written()


@pytest.mark.parametrize("bit", range(40 * 8))
def test_a_flipped_bit_is_never_genuine(bit: int) -> None:
    raw = bytearray(b32decode(written()))
    raw[bit // 8] ^= 1 << bit % 8
    changed = b32encode(raw).decode()
    if bit < 8:
        with pytest.raises(ValueError, match="version"):
            tag.verify(changed, [KEY], instance="probe-a")
    else:
        assert trust(changed) is Trust.FORGED


@pytest.mark.parametrize("text", ["", "x", "A" * 63, "A" * 65, "1" * 64, "A" * 63 + "\n", "Ä" * 64, "A" * 64])
def test_what_has_not_the_form_of_a_tag_is_no_tag(text: str) -> None:
    with pytest.raises(ValueError):
        tag.verify(text, [KEY], instance="probe-a")


@given(st.text("ABCDMEYZ2347xyz \n", min_size=60, max_size=66))
def test_what_looks_like_a_tag_by_chance_is_never_genuine(text: str) -> None:
    with contextlib.suppress(ValueError):
        assert trust(text) is Trust.FORGED


def test_the_case_of_letters_does_not_matter() -> None:
    assert trust(written().lower()) is Trust.GENUINE


def test_old_keys_verify_what_new_keys_no_longer_sign() -> None:
    new = TagKey("k2", b"fedcba9876543210")
    assert trust(written(KEY), new, KEY) is Trust.GENUINE
    assert trust(written(new), new, KEY) is Trust.GENUINE
    assert trust(written(KEY), new) is Trust.FORGED


def test_a_key_that_was_replaced_under_its_old_id_is_told_apart() -> None:
    other = TagKey("k1", b"fedcba9876543210")
    assert trust(written(KEY), other) is Trust.FORGED
    assert trust(written(KEY), other, KEY) is Trust.GENUINE


def test_without_keys_everything_is_forged() -> None:
    assert tag.verify(written(), [], instance="probe-a")[0] is Trust.FORGED


def test_a_tag_of_another_probe_with_our_keys_is_not_ours() -> None:
    assert trust(written(instance="probe-b")) is Trust.OTHER_INSTANCE


def test_a_scope_tells_pool_route_and_member_apart() -> None:
    scopes = {tag.scope("a", "b", "c"), tag.scope("ab", "", "c"), tag.scope("a", "bc", ""), tag.scope("b", "a", "c")}
    assert len(scopes) == 4


@given(st.binary(min_size=12, max_size=12))
def test_an_id_is_written_and_read(raw: bytes) -> None:
    text = tag.probe_id(raw)
    assert len(text) == 20
    assert text == text.lower()
    assert tag.raw_id(text) == raw


@pytest.mark.parametrize("text", ["", "abc", "a" * 19, "a" * 21, "a" * 24, "1" * 20])
def test_what_is_no_id_is_refused(text: str) -> None:
    with pytest.raises(ValueError):
        tag.raw_id(text)


@pytest.mark.parametrize(
    "field",
    [
        "Mailflow-Probe: {}",
        "mailflow-probe: {}",
        "MAILFLOW-PROBE:{}",
        "Mailflow-Probe:\r\n {}",
        "Mailflow-Probe:\n\t{}",
        "Mailflow-Probe: {}  ",
        "To: a@b\r\nMailflow-Probe: {}\r\nSubject: x",
    ],
)
def test_a_tag_is_found_in_the_header_however_its_field_is_written(field: str) -> None:
    text = written()
    assert tag.written_in_header(field.format(text).encode()) == {text}
    assert tag.written_in_header(field.format(text.lower()).encode()) == {text}


@pytest.mark.parametrize(
    "field", ["X-Mailflow-Probe: {}", "Subject: Mailflow-Probe: {}", "Mailflow-Probe: {}A", "Mailflow-Probe: {} x"]
)
def test_other_fields_hold_no_tag(field: str) -> None:
    assert tag.written_in_header(field.format(written()).encode()) == set()


@pytest.mark.parametrize("line", ["Mailflow: {}", "> Mailflow: {}\r\n", "mailflow:{},", "text Mailflow: {} text"])
def test_a_tag_is_found_in_the_body_even_quoted(line: str) -> None:
    assert tag.written_in_body(line.format(written()).encode()) == {written()}


def test_all_tags_are_found() -> None:
    later = tag.compose(KEY, instance="probe-a", scope=SCOPE, id=ID, time=NOW + SECOND)
    assert tag.written_in_body(f"Mailflow: {written()}\r\nMailflow: {later}\r\n".encode()) == {written(), later}
