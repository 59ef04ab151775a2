"""How parties of a run are called where people read: never a bare code.

Names of institutions and persons come from the bundle's world; without it their codes stand.
"""

from __future__ import annotations

from pathlib import Path

from yidi.protocol.errors import YidiError
from yidi.protocol.regions import label, province_of
from yidi.scenarios.judging.chain_fold import WORLD
from yidi.scenarios.running.world import World, read_world

LANGUAGES = ("zh", "en")
_HUBS = {
    "100000": ("国家平台 100000", "the national hub 100000"),
    "yrd": ("长三角平台 yrd", "the Delta hub yrd"),
}
_ROLES = {
    "treatment": ("就医地", "treatment region"),
    "insured": ("参保地", "insured region"),
    "province": ("省级经办", "province"),
    "hub": ("平台", "hub"),
    "institution": ("医药机构", "institution"),
    "person": ("参保人", "insured person"),
    "operator": ("经办人员", "operator"),
}


def two(pair: tuple[str, str], language: str) -> str:
    """The one of two texts that a language asks for."""
    return pair[0 if language == "zh" else 1]


class PartyNames:
    """Names of addresses, persons and institutions in one run."""

    def __init__(self, world: World | None) -> None:
        self.institutions = (
            {place.code: place.name for place in world.institutions} if world else {}
        )
        self.persons = {one.person_no: one.name for one in world.persons} if world else {}

    def person(self, number: str, language: str) -> str:
        """A person's name, `测试甲`; without one, what they are."""
        return self.persons.get(number) or two(_ROLES["person"], language)

    def institution(self, code: str, language: str) -> str:
        """`示例医院 H31010100001`."""
        name = self.institutions.get(code) or two(_ROLES["institution"], language)
        return f"{name} {code}"

    def party(self, address: str, language: str) -> str:
        """An address as people read it: `就医地上海 310000`, `国家平台 100000`."""
        role, _, rest = address.partition(":")
        code = rest.partition("/")[0]
        zh = language == "zh"
        if role == "hub" and code in _HUBS:
            return two(_HUBS[code], language)
        if role == "institution":
            return self.institution(code, language)
        if role == "person":
            return self.person(code, language)
        place = label(province_of(code) if role == "province" else code, language)
        named = two(_ROLES.get(role, (role, role)), language)
        return f"{named}{place}" if zh else f"{place} ({named})"

    def role(self, address: str, language: str) -> str:
        """What kind of party an address is: `就医地`."""
        role = address.partition(":")[0]
        return two(_ROLES.get(role, (role, role)), language)


def read_names(bundle: Path) -> PartyNames:
    """The names of a bundle's world; codes only, where it cannot be read."""
    try:
        with (bundle / WORLD).open("rb") as lines:
            return PartyNames(read_world(lines))
    except (OSError, YidiError):
        return PartyNames(None)
