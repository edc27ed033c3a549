"""SCRAM-SHA-256: the example of its RFC, and servers that do not play by it."""

import pytest

from probe.model.secret import Secret
from probe.smtp.scram import Scram, Untrue, prepared

# RFC 7677 3
NONCE = "rOprNGfwEbeRWgbNEkqO"
THEIRS = f"{NONCE}%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0"
SALT = "W22ZaJ0SNY7soEsUEjb6gQ=="
CHALLENGE = f"r={THEIRS},s={SALT},i=4096"
PROOF = f"c=biws,r={THEIRS},p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ="
SIGNATURE = "v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4="


def scram(username: str = "user") -> Scram:
    return Scram(username, Secret("pencil"), nonce=NONCE)


def test_the_example_of_the_rfc_comes_out_to_the_letter() -> None:
    ours = scram()
    assert ours.first == f"n,,n=user,r={NONCE}"
    assert ours.final(CHALLENGE) == PROOF
    assert ours.verified(SIGNATURE)


@pytest.mark.parametrize("answer", ["v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G8=", "v=AAAA", "v=", "", "v=%%"])
def test_a_server_without_the_password_is_found_out(answer: str) -> None:
    ours = scram()
    ours.final(CHALLENGE)
    with pytest.raises(Untrue):
        ours.verified(answer)


def test_a_server_that_speaks_of_an_error_has_proved_nothing() -> None:
    ours = scram()
    ours.final(CHALLENGE)
    assert not ours.verified("e=invalid-proof")


def test_octets_that_are_no_utf_8_do_not_confuse_it() -> None:
    assert scram().final(f"r={THEIRS}\udcff,s={SALT},i=4096").startswith(f"c=biws,r={THEIRS}\udcff,p=")


def test_a_proof_that_comes_before_ours_proves_nothing() -> None:
    with pytest.raises(Untrue, match="did not prove"):
        scram().verified(SIGNATURE)


@pytest.mark.parametrize(
    "challenge, said",
    [
        (f"r=other,s={SALT},i=4096", "does not belong to this login"),
        (f"r={NONCE},s={SALT},i=4096", "does not belong to this login"),
        (f"m=ext,r={THEIRS},s={SALT},i=4096", "does not belong to this login"),
        ("", "does not belong to this login"),
        (f"r={THEIRS},i=4096", "cannot be read"),
        (f"r={THEIRS},s=%%%,i=4096", "cannot be read"),
        (f"r={THEIRS},s={SALT},i=4095", "4096 to 100000 rounds"),
        (f"r={THEIRS},s={SALT},i=100001", "4096 to 100000 rounds"),
        (f"r={THEIRS},s={SALT},i=9999999999", "4096 to 100000 rounds"),
        (f"r={THEIRS},s={SALT},i=x", "4096 to 100000 rounds"),
        (f"r={THEIRS},s={SALT}", "4096 to 100000 rounds"),
    ],
)
def test_a_challenge_that_breaks_the_rules_is_not_answered(challenge: str, said: str) -> None:
    with pytest.raises(Untrue, match=said):
        scram().final(challenge)


@pytest.mark.parametrize("rounds", [4096, 100_000])
def test_rounds_within_the_bounds_are_gone_through(rounds: int) -> None:
    assert scram().final(f"r={THEIRS},s={SALT},i={rounds}").startswith(f"c=biws,r={THEIRS},p=")


def test_every_login_has_a_nonce_of_its_own() -> None:
    assert Scram("user", Secret("p")).first != Scram("user", Secret("p")).first


def test_a_name_cannot_end_its_field() -> None:
    assert scram("a,b=c").first == f"n,,n=a=2Cb=3Dc,r={NONCE}"


# RFC 4013 3
@pytest.mark.parametrize(
    "written, same",
    [("I\u00adX", "IX"), ("user", "user"), ("USER", "USER"), ("ª", "a"), ("Ⅸ", "IX"), ("a\u00a0b", "a b")],
)
def test_text_is_prepared_so_that_both_sides_hash_the_same(written: str, same: str) -> None:
    assert prepared(written) == same
