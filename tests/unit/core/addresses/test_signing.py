from services.core.addresses.signing import is_valid, kept_until, sign, without_own

OLD, NEW, OTHER = "o" * 32, "n" * 32, "x" * 32
FORM = "/assets/media/optimise/200x0/DEV/cat.webp?quality=80"
NOW = 1_800_000_000.0


def test_a_signature_of_any_key_is_good_for_exactly_its_form_and_end() -> None:
    for key in (OLD, NEW):
        assert is_valid([NEW, OLD], FORM, sign(key, FORM), "", NOW)
        assert is_valid([NEW, OLD], FORM, sign(key, FORM, "1800000001"), "1800000001", NOW)
    assert not is_valid([NEW, OLD], FORM, sign(OTHER, FORM), "", NOW)
    assert not is_valid([NEW, OLD], FORM.replace("200", "201"), sign(NEW, FORM), "", NOW)
    assert not is_valid([NEW, OLD], FORM, sign(NEW, FORM), "1900000000", NOW)
    assert not is_valid([NEW, OLD], FORM, sign(NEW, FORM, "1800000001"), "", NOW)
    assert not is_valid([NEW, OLD], FORM, "", "", NOW)
    assert not is_valid([NEW, OLD], FORM, "é", "", NOW)
    assert not is_valid([], FORM, sign(NEW, FORM), "", NOW)
    assert not is_valid([NEW], "", sign(NEW, ""), "", NOW)


def test_a_signature_ends_with_its_second_and_no_odd_end_is_taken() -> None:
    assert not is_valid([NEW], FORM, sign(NEW, FORM, "1800000000"), "1800000000", NOW)
    for odd in ("soon", "-1", "1e12", "\u0661", "9" * 13):
        assert not is_valid([NEW], FORM, sign(NEW, FORM, odd), odd, NOW)


def test_the_gateway_remembers_no_signature_longer_than_it_is_good() -> None:
    assert kept_until("", NOW, 60) == NOW + 60
    assert kept_until("1900000000", NOW, 60) == NOW + 60
    assert kept_until("1800000010", NOW, 60) == NOW + 9


def test_the_arguments_of_a_signature_are_those_two_in_any_case_and_nothing_else_changes() -> None:
    query = "quality=80&Signature=abc&blur=2.0&expires=5&&expire=6&signature"
    assert without_own(query) == "quality=80&blur=2.0&expire=6"
    assert without_own("signature=abc") == without_own("") == ""


def test_a_signature_is_what_other_programs_compute() -> None:
    # printf '/assets/media/full/DEV/cat.webp\n1900000000' | openssl dgst -sha256 -hmac nnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnn
    assert (
        sign(NEW, "/assets/media/full/DEV/cat.webp", "1900000000")
        == "d209996989aacc3140a1758226aa363c2d4fab5cd6a3f66081d6bdf54d4c9ed5"
    )
