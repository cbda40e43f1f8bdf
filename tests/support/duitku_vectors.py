"""Signature vectors of duitku.md, Signatures: computed apart from the code under test."""

from typing import NamedTuple


class Project(NamedTuple):
    """A Duitku project and one order of it."""

    merchant: str
    key: str
    order: str = ""
    amount: str = ""
    moment: str = ""
    timestamp: str = ""


A = Project(
    merchant="DXXXX",
    key="TESTKEY0123456789ABCDEF",
    order="abcde12345",
    amount="40000",
    moment="2022-01-25 16:23:08",
    timestamp="1773728479616",
)
B = Project(
    merchant="DS12345",
    key="0123456789abcdef0123456789abcdef",
    order="INV-2026-0001",
    amount="150000",
    moment="2026-01-15 09:30:00",
    timestamp="1768444200000",
)
PUBLIC = Project("D0001", "732B39FC61796845775D2C4FB05332AF", "12345", "10000")
THIRD = Project(
    "D1234", "test-api-key-123", "ORD-20260812-000001", "150000", timestamp="1700000000000"
)
FOURTH = Project("D123", "api-key", "order-1", "10000")

INQUIRIES = [
    (A, "ea5687490c9915dc0e6385bf761c3840406bf482d80ab1ffd8b9218de80159e3"),
    (B, "43e83553345f03fd5432c9314214b00a0eacf46ae2c1e62ec4ec733df779ca59"),
    (FOURTH, "acb11364b07f0a5f1b34eace0bf2ba59fd0a568d103d07b97b3bf9006339799b"),
]
METHODS = [
    (A, "6d458816da870f70118906a14b6aefe44ec33bf1701edfe2e4a0d00e3d74ce55"),
    (B, "30a55508e5a8e2121955846c42b4407ab6b73c7f5e8b0207e482e28ae668e76b"),
]
STATUSES = [
    (A, "838dbbb4405c9cf49fabd46ccfe138095cc2840ae3f8c49e815501508bc62cbf"),
    (B, "7b10abbbbffb50a93a9d4e9fd59a1044475993199349e9afe4afd84cf96e8663"),
    (THIRD, "303eb931235455e8af3ee873e3912351c7537122ef431775226413887ae5ad97"),
]
CALLBACKS = [
    (A, "9ecb935058588b16d356653e23fec845f5d8915da12b71a55aaf838d2a3daff2"),
    (B, "bbcbeb1dc48781b5235248a76730cc706cdfaf4010b87e42181b3d4e3eba4593"),
    (
        B._replace(amount="150000.00"),
        "8dd82beb7edf5f31ddd26fbe1e6e17c57989669a19a40e23d763a734a96bfce7",
    ),
    (THIRD, "b0a4797cda909f0140e84582b0b89d7abd5a330fe63cbd98fa3df2edd1a729bf"),
]
INVOICES = [
    (A, "c94f5744e9caa29d7665f81df55e678be764788038bba3e6e879cc6d18cf0dde"),
    (B, "9608cf9d06b8218deb6305d838ef89418fc035f2498a429947a6bbee97d847ee"),
    (THIRD, "1880f0ce93376632283acba69b750498b07cc9616e1b74920b8de445998ad5c2"),
]
LEGACY_CALLBACKS = [
    (A, "77ce75a0c5a406bca4dac5f0676f6e4c"),
    (B, "77790000c8ff3e2002faf0bb5d2d1147"),
    (PUBLIC, "4104f20a70c933113c66c004fe25a9f1"),
]
