"""Cities, operators and their address blocks: every address of a company has a place.

IPv4 addresses lie in 240.0.0.0/4, which is reserved and nobody's (RFC 1112); IPv6 ones in 2001:db8::/32, which
is for documentation (RFC 3849). An address is a whole number here, its *line*: 256 times its block plus its host,
the blocks of IPv6 after all others.
"""

from __future__ import annotations

from math import asin, cos, radians, sin, sqrt

import polars as pl

from auditor.frozen import dataclass

CITIES: tuple[tuple[str, str, float, float, str], ...] = (
    ("NO", "Oslo", 59.91, 10.75, "Europe/Oslo"),
    ("NO", "Bergen", 60.39, 5.32, "Europe/Oslo"),
    ("NO", "Trondheim", 63.43, 10.39, "Europe/Oslo"),
    ("SE", "Stockholm", 59.33, 18.06, "Europe/Stockholm"),
    ("DK", "Copenhagen", 55.68, 12.57, "Europe/Copenhagen"),
    ("DE", "Berlin", 52.52, 13.40, "Europe/Berlin"),
    ("DE", "Hamburg", 53.55, 9.99, "Europe/Berlin"),
    ("DE", "Munich", 48.14, 11.58, "Europe/Berlin"),
    ("PL", "Warsaw", 52.23, 21.01, "Europe/Warsaw"),
    ("GB", "London", 51.51, -0.13, "Europe/London"),
    ("US", "New York", 40.71, -74.01, "America/New_York"),
    ("US", "Boston", 42.36, -71.06, "America/New_York"),
    ("US", "Dallas", 32.78, -96.80, "America/Chicago"),
    ("US", "San Francisco", 37.77, -122.42, "America/Los_Angeles"),
    ("CA", "Toronto", 43.65, -79.38, "America/Toronto"),
    ("SG", "Singapore", 1.35, 103.82, "Asia/Singapore"),
    ("MY", "Kuala Lumpur", 3.14, 101.69, "Asia/Kuala_Lumpur"),
    ("IN", "Bengaluru", 12.97, 77.59, "Asia/Kolkata"),
    ("AU", "Sydney", -33.87, 151.21, "Australia/Sydney"),
    ("ID", "Jakarta", -6.21, 106.85, "Asia/Jakarta"),
    ("BR", "Recife", -8.05, -34.90, "America/Recife"),
    ("NG", "Lagos", 6.52, 3.38, "Africa/Lagos"),
    ("ZA", "Johannesburg", -26.20, 28.05, "Africa/Johannesburg"),
    ("TR", "Istanbul", 41.01, 28.98, "Europe/Istanbul"),
    ("RO", "Bucharest", 44.43, 26.10, "Europe/Bucharest"),
    ("VN", "Hanoi", 21.03, 105.85, "Asia/Ho_Chi_Minh"),
    ("MX", "Mexico City", 19.43, -99.13, "America/Mexico_City"),
    ("PH", "Manila", 14.60, 120.98, "Asia/Manila"),
    ("ES", "Madrid", 40.42, -3.70, "Europe/Madrid"),
    ("FR", "Paris", 48.86, 2.35, "Europe/Paris"),
    ("JP", "Tokyo", 35.68, 139.69, "Asia/Tokyo"),
    ("AE", "Dubai", 25.20, 55.27, "Asia/Dubai"),
)
OFFICES = (0, 5, 10, 15)
OFFICE_SHARES = (0.40, 0.25, 0.20, 0.15)
HOMES: tuple[dict[int, float], ...] = (
    {0: 0.75, 1: 0.10, 2: 0.05, 3: 0.06, 4: 0.04},
    {5: 0.70, 6: 0.12, 7: 0.10, 8: 0.08},
    {10: 0.62, 11: 0.12, 12: 0.10, 13: 0.08, 14: 0.08},
    {15: 0.70, 16: 0.12, 17: 0.10, 18: 0.08},
)
"""Where the people of each office live."""

HUBS: dict[str, tuple[int, ...]] = {"US": (10, 12, 13), "NO": (0,), "DE": (5, 7)}
"""Where the mobile carriers of a country hand its traffic over; else its first city."""

GATEWAYS = (5, 11, 15)
"""Cities of the company's VPN gateways."""

TELEPORTS = (9, 12)
"""Where aircraft come down to the internet."""


@dataclass(frozen=True, slots=True)
class Operator:
    """Blocks of one kind: in each place `a_place` of `blocks` /24 networks, or /48 ones."""

    name: str
    places: int
    a_place: int
    blocks: int
    base: int
    radius: float
    v6: bool = False

    @property
    def size(self) -> int:
        """How many networks it has."""
        return self.places * self.a_place * self.blocks

    def line(self, place: pl.Expr, number: pl.Expr | int, block: pl.Expr, host: pl.Expr) -> pl.Expr:
        """The address: which place, which provider there, which of its networks, which host of it."""
        start = (place * self.a_place + number) * self.blocks
        return ((self.base + start + block) * 256 + host).cast(pl.Int64)


def _operators(partners: int) -> tuple[Operator, ...]:
    cities = len(CITIES)
    shapes = (
        ("office", cities, 1, 4, 5.0, False),
        ("home", cities, 3, 128, 20.0, False),
        ("mobile", cities, 2, 16, 100.0, False),
        ("hotel", cities, 1, 8, 20.0, False),
        ("hosting", cities, 1, 16, 50.0, False),
        ("veil", cities, 1, 16, 50.0, False),
        ("gateway", cities, 1, 2, 20.0, False),
        ("aircraft", cities, 1, 4, 500.0, False),
        ("partner", partners, 1, 1, 5.0, False),
        ("home6", cities, 3, 512, 20.0, True),
    )
    found, base = [], 0
    for name, places_, a_place, blocks, radius, v6 in shapes:
        base += -base % blocks
        found.append(Operator(name, places_, a_place, blocks, V6 if v6 else base, radius, v6))
        base += places_ * a_place * blocks
    return tuple(found)


V6 = 1 << 22
_WORDS = {
    "office": "Company office", "home": "Broadband", "mobile": "Mobile", "hotel": "Hotel network",
    "hosting": "Hosting", "veil": "Veil private exits", "gateway": "Company gateway", "aircraft": "Cabin internet",
    "partner": "Partner office", "home6": "Broadband",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Geography:
    """The operators of a company with so many partner firms; partner n sits in the city `partner_cities[n]`."""

    partner_cities: tuple[int, ...]

    def operator(self, name: str) -> Operator:
        """The operator of that kind."""
        return next(each for each in _operators(len(self.partner_cities)) if each.name == name)

    def blocks(self) -> pl.DataFrame:
        """One row an address block: CIDR, its first block number, place, operator."""
        rows = []
        for rank, operator in enumerate(_operators(len(self.partner_cities))):
            for place in range(operator.places):
                city = self.partner_cities[place] if operator.name == "partner" else place
                rows += [self._row(operator, rank, place=place, city=city, number=n) for n in range(operator.a_place)]
        return pl.DataFrame(rows, orient="row", schema=_BLOCKS).sort("block")

    def _row(self, operator: Operator, rank: int, *, place: int, city: int, number: int) -> tuple[object, ...]:
        start = operator.base + (place * operator.a_place + number) * operator.blocks
        country, name, latitude, longitude, _ = CITIES[city]
        bits = operator.blocks.bit_length() - 1
        if operator.v6:
            cidr = f"2001:db8:{start - V6:x}::/{48 - bits}"
            asn = 64600 + number + 10 * city
        else:
            asn = {"home": 64600 + number + 10 * city, "partner": 66000 + place}.get(
                operator.name, 64000 + 40 * rank + city
            )
            cidr = f"{240 + (start >> 16)}.{start >> 8 & 255}.{start & 255}.0/{24 - bits}"
        organisation = f"{_WORDS[operator.name]} {country}{number + 1}"
        return start, operator.blocks, cidr, country, name, latitude, longitude, operator.radius, asn, organisation


_BLOCKS = pl.Schema({
    "block": pl.Int64(), "size": pl.Int64(), "network": pl.String(), "country": pl.String(), "city": pl.String(),
    "latitude": pl.Float64(), "longitude": pl.Float64(), "radius": pl.Float64(), "asn": pl.Int64(),
    "organisation": pl.String(),
})  # fmt: skip


def text(line: str) -> pl.Expr:
    """The address as text."""
    value = pl.col(line)
    block, host = value // 256, value % 256
    digits = pl.Series([f"{number:x}" for number in range(1 << 16)])
    prefix = pl.when(block >= V6).then(block - V6).otherwise(0)
    six = pl.concat_str(
        pl.lit("2001:db8:"),
        prefix.map_batches(digits.gather, return_dtype=pl.String(), is_elementwise=True),
        pl.lit("::"),
        host.cast(pl.String()),
    )
    four = pl.concat_str([240 + block // 65536, block // 256 % 256, block % 256, host], separator=".")
    return pl.when(value.is_null()).then(None).when(block >= V6).then(six).otherwise(four)


def places(addresses: pl.Series, blocks: pl.DataFrame) -> pl.DataFrame:
    """The facts a GeoIP database would tell of the addresses, in order: the form rules take them in."""
    frame = pl.DataFrame({"address": addresses}, schema={"address": pl.String}).with_row_index("_row")
    parts = pl.col("address").str.split(".").list
    four = ((parts.get(0, null_on_oob=True).cast(pl.Int64, strict=False) - 240) * 256 + _part(1)) * 256 + _part(2)
    six = pl.col("address").str.extract(r"^2001:db8:([0-9a-f]+):").str.to_integer(base=16, strict=False) + V6
    numbered = frame.with_columns(_block=pl.coalesce(six, four)).sort("_block", nulls_last=True)
    joined = numbered.join_asof(blocks, left_on="_block", right_on="block", strategy="backward")
    inside = pl.col("_block") < pl.col("block") + pl.col("size")
    names = {
        "geo_country": "country", "geo_city": "city", "geo_latitude": "latitude", "geo_longitude": "longitude",
        "geo_radius_km": "radius", "asn": "asn", "as_organisation": "organisation",
    }  # fmt: skip
    return joined.sort("_row").select(pl.when(inside).then(pl.col(own)).alias(fact) for fact, own in names.items())


def _part(index: int) -> pl.Expr:
    return pl.col("address").str.split(".").list.get(index, null_on_oob=True).cast(pl.Int64, strict=False)


def distance(one: int, other: int) -> float:
    """Kilometres between two cities on the great circle."""
    (_, _, lat_a, lon_a, _), (_, _, lat_b, lon_b, _) = CITIES[one], CITIES[other]
    half = (
        sin(radians(lat_b - lat_a) / 2) ** 2
        + cos(radians(lat_a)) * cos(radians(lat_b)) * sin(radians(lon_b - lon_a) / 2) ** 2
    )
    return 2 * 6371 * asin(sqrt(half))


def distances() -> pl.DataFrame:
    """Kilometres between every two cities: `from_city`, `to_city`, `km`."""
    pairs = [(one, other, distance(one, other)) for one in range(len(CITIES)) for other in range(len(CITIES))]
    return pl.DataFrame(pairs, orient="row", schema={"from_city": pl.Int64, "to_city": pl.Int64, "km": pl.Float64})


def hub(city: int) -> tuple[int, ...]:
    """The cities in which mobile traffic from the city appears, the usual one first."""
    country = CITIES[city][0]
    return HUBS.get(country, (next(place for place, each in enumerate(CITIES) if each[0] == country),))
