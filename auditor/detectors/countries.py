"""Countries as circles: what people type, the middle of a country, and how far it reaches from there.

For places that people declared. A circle covers its country whole, its islands and far parts included, so that the
distance of two circles is the least distance of two people who were in them. Middles and radii are ours, rounded
outwards from whole degrees: extents after Natural Earth 1:110m, places of time zones and names after the tz database
(both in the public domain).
"""

from __future__ import annotations

from functools import cache

import polars as pl

_ALIASES = {
    "america": "US", "brasil": "BR", "burma": "MM", "cabo verde": "CV", "czechia": "CZ", "danmark": "DK",
    "deutschland": "DE", "england": "GB", "espana": "ES", "españa": "ES", "great britain": "GB", "holland": "NL",
    "hong kong sar": "HK", "italia": "IT", "ivory coast": "CI", "korea": "KR", "northern ireland": "GB", "norge": "NO",
    "osterreich": "AT", "österreich": "AT", "polska": "PL", "republic of korea": "KR", "russian federation": "RU",
    "schweiz": "CH", "scotland": "GB", "south korea": "KR", "suisse": "CH", "suomi": "FI", "sverige": "SE",
    "the netherlands": "NL", "turkiye": "TR", "türkiye": "TR", "uae": "AE", "uk": "GB", "united kingdom": "GB",
    "united states of america": "US", "usa": "US", "viet nam": "VN", "wales": "GB",
}  # fmt: skip

_CIRCLES = """
AD 42 2 300 Andorra
AE 24 54 450 United Arab Emirates
AF 34 68 950 Afghanistan
AG 17 -62 300 Antigua & Barbuda
AI 18 -63 300 Anguilla
AL 41 20 300 Albania
AM 40 45 300 Armenia
AO -11 18 1100 Angola
AR -38 -64 2200 Argentina
AS -14 -171 300 Samoa (American)
AT 48 13 400 Austria
AU -32 136 3450 Australia
AW 12 -70 300 Aruba
AX 60 20 300 Åland Islands
AZ 40 48 450 Azerbaijan
BA 44 18 350 Bosnia & Herzegovina
BB 13 -60 300 Barbados
BD 24 90 550 Bangladesh
BE 50 4 350 Belgium
BF 12 -2 700 Burkina Faso
BG 43 26 400 Bulgaria
BH 26 51 300 Bahrain
BI -4 30 250 Burundi
BJ 10 2 500 Benin
BL 18 -63 300 St Barthelemy
BM 32 -65 300 Bermuda
BN 5 115 200 Brunei
BO -16 -64 1100 Bolivia
BQ 12 -68 300 Caribbean NL
BR -14 -53 3250 Brazil
BS 24 -76 650 Bahamas
BT 28 90 400 Bhutan
BW -22 24 850 Botswana
BY 54 28 500 Belarus
BZ 17 -88 350 Belize
CA 62 -96 3800 Canada
CC -12 97 300 Cocos (Keeling) Islands
CD -4 22 1600 Congo (Dem. Rep.)
CF 7 21 1000 Central African Rep.
CG -1 15 750 Congo (Rep.)
CH 46 8 350 Switzerland
CI 8 -6 650 Côte d'Ivoire
CK -21 -160 300 Cook Islands
CL -36 -88 3050 Chile
CM 7 12 900 Cameroon
CN 36 104 3750 China
CO 4 -72 1300 Colombia
CR 10 -84 350 Costa Rica
CU 22 -80 750 Cuba
CV 15 -24 300 Cape Verde
CW 12 -69 300 Curaçao
CX -10 106 300 Christmas Island
CY 35 34 250 Cyprus
CZ 50 16 400 Czech Republic
DE 52 10 750 Germany
DJ 12 42 350 Djibouti
DK 56 12 350 Denmark
DM 15 -61 300 Dominica
DO 18 -70 350 Dominican Republic
DZ 28 2 1550 Algeria
EC -2 -82 1000 Ecuador
EE 58 25 350 Estonia
EG 27 30 950 Egypt
EH 27 -13 300 Western Sahara
ER 15 40 550 Eritrea
ES 36 -5 1350 Spain
ET 9 40 1150 Ethiopia
FI 65 26 800 Finland
FJ -18 178 300 Fiji
FK -52 -60 250 Falkland Islands
FM 6 157 750 Micronesia
FO 62 -7 300 Faroe Islands
FR 46 2 900 France
GA 0 12 650 Gabon
GB 55 -4 800 Britain (UK)
GD 12 -62 300 Grenada
GE 42 43 400 Georgia
GF 5 -52 300 French Guiana
GG 49 -3 300 Guernsey
GH 8 -1 600 Ghana
GI 36 -5 300 Gibraltar
GL 72 -42 2050 Greenland
GM 14 -15 250 Gambia
GN 10 -12 650 Guinea
GP 16 -62 300 Guadeloupe
GQ 1 8 600 Equatorial Guinea
GR 38 24 700 Greece
GS -54 -37 300 South Georgia & the South Sandwich Islands
GT 16 -90 500 Guatemala
GU 13 145 300 Guam
GW 12 -15 350 Guinea-Bissau
GY 5 -59 600 Guyana
HK 22 114 300 Hong Kong
HN 14 -86 550 Honduras
HR 44 16 500 Croatia
HT 20 -73 350 Haiti
HU 47 20 400 Hungary
ID -2 118 2850 Indonesia
IE 54 -8 400 Ireland
IL 32 35 350 Israel
IM 54 -4 300 Isle of Man
IN 21 83 2350 India
IO -7 72 300 British Indian Ocean Territory
IQ 34 44 800 Iraq
IR 32 54 1300 Iran
IS 65 -19 400 Iceland
IT 42 12 1000 Italy
JE 49 -2 300 Jersey
JM 18 -78 250 Jamaica
JO 32 37 450 Jordan
JP 35 134 1700 Japan
KE 0 38 900 Kenya
KG 42 75 650 Kyrgyzstan
KH 12 105 500 Cambodia
KI 0 -172 1800 Kiribati
KM -12 43 300 Comoros
KN 17 -63 300 St Kitts & Nevis
KP 40 128 600 Korea (North)
KR 36 128 500 Korea (South)
KW 30 48 300 Kuwait
KY 19 -81 300 Cayman Islands
KZ 48 67 1900 Kazakhstan
LA 18 104 750 Laos
LB 34 36 150 Lebanon
LC 14 -61 300 St Lucia
LI 47 10 300 Liechtenstein
LK 8 80 450 Sri Lanka
LR 6 -10 500 Liberia
LS -30 28 300 Lesotho
LT 55 24 350 Lithuania
LU 50 6 150 Luxembourg
LV 57 24 400 Latvia
LY 26 18 1250 Libya
MA 28 -10 1250 Morocco
MC 44 7 300 Monaco
MD 47 28 350 Moldova
ME 42 20 300 Montenegro
MF 18 -63 300 St Martin (French)
MG -18 47 1000 Madagascar
MH 8 169 350 Marshall Islands
MK 42 22 300 North Macedonia
ML 18 -4 1350 Mali
MM 19 97 1250 Myanmar (Burma)
MN 47 104 1550 Mongolia
MO 22 114 300 Macau
MP 15 146 300 Northern Mariana Islands
MQ 15 -61 300 Martinique
MR 21 -11 1100 Mauritania
MS 17 -62 300 Montserrat
MT 36 15 300 Malta
MU -20 58 300 Mauritius
MV 4 74 300 Maldives
MW -14 34 600 Malawi
MX 24 -102 2150 Mexico
MY 4 110 1350 Malaysia
MZ -18 36 1200 Mozambique
NA -23 18 1150 Namibia
NC -21 166 400 New Caledonia
NE 18 8 1200 Niger
NF -29 168 300 Norfolk Island
NG 9 8 1000 Nigeria
NI 13 -85 500 Nicaragua
NL 52 6 350 Netherlands
NO 69 18 1550 Norway
NP 28 84 600 Nepal
NR -1 167 300 Nauru
NU -19 -170 300 Niue
NZ -41 1 11700 New Zealand
OM 22 56 850 Oman
PA 8 -80 400 Panama
PE -10 -75 1400 Peru
PF -16 -142 1250 French Polynesia
PG -6 148 1250 Papua New Guinea
PH 12 122 1200 Philippines
PK 30 69 1250 Pakistan
PL 52 20 550 Poland
PM 47 -56 300 St Pierre & Miquelon
PN -25 -130 300 Pitcairn
PR 18 -66 250 Puerto Rico
PS 32 35 150 Palestine
PT 38 -16 1100 Portugal
PW 7 134 300 Palau
PY -24 -58 800 Paraguay
QA 26 51 250 Qatar
RE -21 55 300 Réunion
RO 46 25 550 Romania
RS 44 21 450 Serbia
RU 62 105 5900 Russia
RW -2 30 250 Rwanda
SA 24 45 1500 Saudi Arabia
SB -9 163 1000 Solomon Islands
SC -5 55 300 Seychelles
SD 16 30 1350 Sudan
SE 62 18 1000 Sweden
SG 1 104 300 Singapore
SH -16 -6 300 St Helena
SI 46 15 200 Slovenia
SJ 78 16 300 Svalbard & Jan Mayen
SK 48 20 400 Slovakia
SL 8 -12 350 Sierra Leone
SM 44 12 300 San Marino
SN 14 -14 550 Senegal
SO 5 46 1050 Somalia
SR 4 -56 500 Suriname
SS 8 30 1000 South Sudan
ST 0 7 300 Sao Tome & Principe
SV 14 -89 250 El Salvador
SX 18 -63 300 St Maarten (Dutch)
SY 35 39 500 Syria
SZ -26 32 300 Eswatini (Swaziland)
TC 21 -71 300 Turks & Caicos Is
TD 16 18 1200 Chad
TF -49 70 200 French S. Terr.
TG 8 0 500 Togo
TH 13 102 1050 Thailand
TJ 39 72 600 Tajikistan
TK -9 -171 300 Tokelau
TL -9 126 250 East Timor
TM 39 60 850 Turkmenistan
TN 34 10 550 Tunisia
TO -21 -175 300 Tonga
TR 39 35 1000 Turkey
TT 11 -61 200 Trinidad & Tobago
TV -9 179 300 Tuvalu
TW 24 120 500 Taiwan
TZ -6 35 950 Tanzania
UA 48 32 900 Ukraine
UG 2 32 650 Uganda
UM 24 175 1100 US minor outlying islands
US 45 -121 5950 United States
UY -32 -56 450 Uruguay
UZ 42 64 1050 Uzbekistan
VA 42 12 300 Vatican City
VC 13 -61 300 St Vincent
VE 6 -66 1200 Venezuela
VG 18 -65 300 Virgin Islands (UK)
VI 18 -65 300 Virgin Islands (US)
VN 16 106 1000 Vietnam
VU -17 168 550 Vanuatu
WF -13 -176 300 Wallis & Futuna
WS -14 -172 300 Samoa (western)
YE 16 48 900 Yemen
YT -13 45 300 Mayotte
ZA -28 24 1200 South Africa
ZM -14 28 1050 Zambia
ZW -19 30 700 Zimbabwe
"""
"""ISO 3166 code, latitude, longitude, radius in kilometres, English name."""


@cache
def _known() -> pl.DataFrame:
    """`typed`, folded as `declared` folds, with the country's code and circle."""
    rows = [line.split(maxsplit=4) for line in _CIRCLES.strip().splitlines()]
    circles = {code: (code, float(lat), float(lon), float(radius)) for code, lat, lon, radius, _ in rows}
    names = {code.casefold(): code for code in circles}
    names |= {_folded(name): code for code, *_, name in rows} | _ALIASES
    columns = ("geo_country", "geo_latitude", "geo_longitude", "geo_radius_km")
    return pl.DataFrame(
        [(typed, *circles[code]) for typed, code in sorted(names.items())], schema=["typed", *columns], orient="row"
    )


def _folded(text: str) -> str:
    return " ".join(text.casefold().replace(".", "").split())


def declared(rows: pl.LazyFrame) -> pl.LazyFrame:
    """The rows with the facts of places taken from the country people typed, null where it is none.

    Country, coordinates and radius are the circle's; cities and operators are unknown.
    """
    typed = pl.col("country").str.to_lowercase().str.replace_all(".", "", literal=True)
    folded = typed.str.replace_all(r"\s+", " ").str.strip_chars()
    facts = ("geo_country", "geo_latitude", "geo_longitude", "geo_radius_km", "geo_city", "asn")
    return (
        rows.drop(facts, strict=False)
        .with_columns(typed=folded)
        .join(_known().lazy(), on="typed", how="left", maintain_order="left")
        .with_columns(geo_city=pl.lit(None, dtype=pl.String()), asn=pl.lit(None, dtype=pl.Int64()))
        .drop("typed")
    )
