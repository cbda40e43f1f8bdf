"""Ordinary buyers and courses, for measures that depend on the length of real texts."""

import uuid
from dataclasses import dataclass, replace
from typing import Any

from lunas.domain.catalog import Course
from lunas.domain.users import Customer, Learner


@dataclass(frozen=True)
class Buyer:
    """A person with the id that a login service gives, and the texts that people have."""

    id: str
    first_name: str
    last_name: str
    email: str
    phone: str

    @property
    def claims(self) -> dict[str, Any]:
        """The claims of this person's token."""
        return {"email": self.email, "name": f"{self.first_name} {self.last_name}"}

    @property
    def form(self) -> dict[str, str]:
        """The person as the body of a purchase names them."""
        return {
            "firstName": self.first_name,
            "lastName": self.last_name,
            "email": self.email,
            "phone": self.phone,
        }

    @property
    def customer(self) -> Customer:
        """The person on the invoice."""
        return Customer(self.first_name, self.last_name, self.email, self.phone)

    @property
    def learner(self) -> Learner:
        """The person who learns."""
        return Learner(self.first_name, self.last_name, self.email)


SITI = Buyer(
    "7c9e6679-7425-40de-944b-e07fc1f90ae7",
    "Siti",
    "Nur Aisyah",
    "siti.nuraisyah92@gmail.com",
    "+6281298765432",
)
RIZKY = Buyer(
    "16fd2706-8baf-433b-82eb-8c7fada847da",
    "Muhammad Rizky",
    "Pratama",
    "rizky.pratama@mahasiswa.example.ac.id",
    "+6285712345678",
)
DEWI = Buyer(
    "9f8b1f0e-3b52-4c0a-8a38-1a4c5d0f7b61",
    "Dewi Kartika",
    "Sari",
    "dewi.kartikasari@yahoo.co.id",
    "+6281345678901",
)
AGUS = Buyer(
    "3f2504e0-4f89-41d3-9a0c-0305e82c3301",
    "Agus",
    "Setiawan",
    "agus.setiawan@gmail.com",
    "+6281122334455",
)


def someone() -> Buyer:
    """Return another ordinary person, with an id and an address of their own."""
    number = uuid.uuid4()
    return replace(SITI, id=str(number), email=f"siti.nuraisyah.{number.hex[:8]}@gmail.com")


ACCOUNTING = Course(
    "akuntansi-umkm",
    "Akuntansi Dasar untuk UMKM: Menyusun Laporan Keuangan",
    platform_course_id="2000001",
)
MARKETING = Course(
    "pemasaran-digital",
    "Pemasaran Digital: Dari Media Sosial sampai Lokapasar",
    platform_course_id="2000002",
)
PACKAGE_NAME = "Kelas Pemula: Keterampilan Usaha"
