"""The simulator's own signature code against the vectors of ``duitku.md``, Signatures."""

from typing import NamedTuple

import pytest

from local.simulators.duitku import signatures
from local.simulators.duitku.signatures import Use


class Vector(NamedTuple):
    """The signed parts, and the signature in one scheme."""

    use: Use
    key: str
    parts: tuple[str, ...]
    signature: str


KEY_A, KEY_B = "TESTKEY0123456789ABCDEF", "0123456789abcdef0123456789abcdef"
A, B = "DXXXX", "DS12345"
THIRD_PARTY = "test-api-key-123"

CURRENT = [
    Vector(
        "inquiry",
        KEY_A,
        (A, "abcde12345", "40000"),
        "ea5687490c9915dc0e6385bf761c3840406bf482d80ab1ffd8b9218de80159e3",
    ),
    Vector(
        "methods",
        KEY_A,
        (A, "40000", "2022-01-25 16:23:08"),
        "6d458816da870f70118906a14b6aefe44ec33bf1701edfe2e4a0d00e3d74ce55",
    ),
    Vector(
        "status",
        KEY_A,
        (A, "abcde12345"),
        "838dbbb4405c9cf49fabd46ccfe138095cc2840ae3f8c49e815501508bc62cbf",
    ),
    Vector(
        "callback",
        KEY_A,
        (A, "40000", "abcde12345"),
        "9ecb935058588b16d356653e23fec845f5d8915da12b71a55aaf838d2a3daff2",
    ),
    Vector(
        "invoice",
        KEY_A,
        (A, "1773728479616"),
        "c94f5744e9caa29d7665f81df55e678be764788038bba3e6e879cc6d18cf0dde",
    ),
    Vector(
        "inquiry",
        KEY_B,
        (B, "INV-2026-0001", "150000"),
        "43e83553345f03fd5432c9314214b00a0eacf46ae2c1e62ec4ec733df779ca59",
    ),
    Vector(
        "methods",
        KEY_B,
        (B, "150000", "2026-01-15 09:30:00"),
        "30a55508e5a8e2121955846c42b4407ab6b73c7f5e8b0207e482e28ae668e76b",
    ),
    Vector(
        "status",
        KEY_B,
        (B, "INV-2026-0001"),
        "7b10abbbbffb50a93a9d4e9fd59a1044475993199349e9afe4afd84cf96e8663",
    ),
    Vector(
        "callback",
        KEY_B,
        (B, "150000", "INV-2026-0001"),
        "bbcbeb1dc48781b5235248a76730cc706cdfaf4010b87e42181b3d4e3eba4593",
    ),
    Vector(
        "callback",
        KEY_B,
        (B, "150000.00", "INV-2026-0001"),
        "8dd82beb7edf5f31ddd26fbe1e6e17c57989669a19a40e23d763a734a96bfce7",
    ),
    Vector(
        "invoice",
        KEY_B,
        (B, "1768444200000"),
        "9608cf9d06b8218deb6305d838ef89418fc035f2498a429947a6bbee97d847ee",
    ),
    Vector(
        "invoice",
        THIRD_PARTY,
        ("D1234", "1700000000000"),
        "1880f0ce93376632283acba69b750498b07cc9616e1b74920b8de445998ad5c2",
    ),
    Vector(
        "status",
        THIRD_PARTY,
        ("D1234", "ORD-20260812-000001"),
        "303eb931235455e8af3ee873e3912351c7537122ef431775226413887ae5ad97",
    ),
    Vector(
        "callback",
        THIRD_PARTY,
        ("D1234", "150000", "ORD-20260812-000001"),
        "b0a4797cda909f0140e84582b0b89d7abd5a330fe63cbd98fa3df2edd1a729bf",
    ),
    Vector(
        "inquiry",
        "api-key",
        ("D123", "order-1", "10000"),
        "acb11364b07f0a5f1b34eace0bf2ba59fd0a568d103d07b97b3bf9006339799b",
    ),
]

LEGACY = [
    Vector("inquiry", KEY_A, (A, "abcde12345", "40000"), "8f4754385133c236aea0e75e8a360fe5"),
    Vector(
        "methods",
        KEY_A,
        (A, "40000", "2022-01-25 16:23:08"),
        "34229523e2d43bba118305b81c5b8b995478f3876e50d5afe019497d9e9515e1",
    ),
    Vector("status", KEY_A, (A, "abcde12345"), "60f8864126b38abb642cd9efb585aff8"),
    Vector("callback", KEY_A, (A, "40000", "abcde12345"), "77ce75a0c5a406bca4dac5f0676f6e4c"),
    Vector(
        "invoice",
        KEY_A,
        (A, "1773728479616"),
        "15b9c957f1cbc320db4a6aa11aa3bc507ca7cc5f3bbb2897760b53c61f96f518",
    ),
    Vector("inquiry", KEY_B, (B, "INV-2026-0001", "150000"), "bf50d7be449a1812fbd8377b897cceea"),
    Vector(
        "methods",
        KEY_B,
        (B, "150000", "2026-01-15 09:30:00"),
        "e9b43f23785ae0673767cb6508fb42fd30cb3a7cf5454eaf8bc6aa4e5a1d815e",
    ),
    Vector("status", KEY_B, (B, "INV-2026-0001"), "c05b72269f4b674f96973a61f9c5cb35"),
    Vector("callback", KEY_B, (B, "150000", "INV-2026-0001"), "77790000c8ff3e2002faf0bb5d2d1147"),
    Vector(
        "invoice",
        KEY_B,
        (B, "1768444200000"),
        "8a83898e6069b72bf987b153f78029e5140d166ae8a3599ab7461976711689d7",
    ),
    Vector(
        "callback",
        "732B39FC61796845775D2C4FB05332AF",
        ("D0001", "10000", "12345"),
        "4104f20a70c933113c66c004fe25a9f1",
    ),
]


@pytest.mark.parametrize("vector", CURRENT)
def test_current_scheme_reproduces_the_vector(vector: Vector) -> None:
    assert signatures.current(vector.key, *vector.parts) == vector.signature


@pytest.mark.parametrize("vector", LEGACY)
def test_legacy_scheme_reproduces_the_vector(vector: Vector) -> None:
    assert signatures.legacy(vector.use, vector.key, *vector.parts) == vector.signature


@pytest.mark.parametrize("vector", CURRENT)
def test_current_signature_is_accepted_except_by_a_legacy_account(vector: Vector) -> None:
    use, key, parts, signature = vector
    assert signatures.accepts("hmac", use, key, parts, signature)
    assert signatures.accepts("both", use, key, parts, signature)
    assert not signatures.accepts("legacy", use, key, parts, signature)


@pytest.mark.parametrize("vector", LEGACY)
def test_legacy_signature_is_refused_by_an_account_without_the_old_scheme(vector: Vector) -> None:
    use, key, parts, signature = vector
    assert not signatures.accepts("hmac", use, key, parts, signature)
    assert signatures.accepts("both", use, key, parts, signature)
    assert signatures.accepts("legacy", use, key, parts, signature)


@pytest.mark.parametrize("given", ["", "é", "0" * 64, CURRENT[0].signature.upper()])
def test_any_other_signature_is_refused(given: str) -> None:
    use, key, parts, _ = CURRENT[0]
    assert not signatures.accepts("both", use, key, parts, given)
