"""How parties of a run are called where people read: never a bare code.

Names of institutions and persons come from the bundle's world; without it their codes stand.
"""

from __future__ import annotations

from pathlib import Path

from yidi.nodes.observed import OUTSIDE
from yidi.protocol.codes import labelled
from yidi.protocol.errors import YidiError
from yidi.protocol.regions import label, province_of
from yidi.scenarios.judging.chain_fold import WORLD
from yidi.scenarios.running.world import World, read_world

_HUBS = {
    "100000": ("国家平台", "the national hub"),
    "yrd": ("长三角平台", "the Delta hub"),
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


def state_name(state: str, language: str) -> str:
    """A state with its code; `MANUAL` is what was paid in full and has no case."""
    if state == "MANUAL":
        return two(("全额自费、手工报销", "paid in full, to be claimed on paper"), language)
    return labelled("case_state", state, language)


def place_name(code: str, language: str) -> str:
    """A place without its code, `安徽淮北`; where it has no name, with it."""
    return label(code, language).removesuffix(f" {code}") or code


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
        """An institution's name, `示例医院`; without one, what it is and its code."""
        return self.institutions.get(code) or f"{two(_ROLES['institution'], language)} {code}"

    def party(self, address: str, language: str) -> str:
        """An address with its code, as people read it: `就医地上海 310000`."""
        role, _, rest = address.partition(":")
        code = rest.partition("/")[0]
        if address.startswith(OUTSIDE):
            return self.short(address, language)
        if role == "institution" and code in self.institutions:
            return f"{self.institutions[code]} {code}"
        short = self.short(address, language)
        if role in ("person", "institution"):
            return short
        return short if code in short else f"{short} {code}"

    def short(self, address: str, language: str) -> str:
        """An address by name, as it stands inside a sentence: `就医地上海`, `国家平台`."""
        role, _, rest = address.partition(":")
        code = rest.partition("/")[0]
        if address.startswith(OUTSIDE):
            return two(("自有系统", "its own system"), language)
        if role == "hub" and code in _HUBS:
            return two(_HUBS[code], language)
        if role == "institution":
            return self.institution(code, language)
        if role == "person":
            return self.person(code, language)
        if role == "operator" and code in ("100000", "yrd"):
            return two(("平台运维人员", "the hub's operator"), language)
        place = place_name(province_of(code) if role == "province" else code, language)
        named = two(_ROLES.get(role, (role, role)), language)
        return f"{named}{place}" if language == "zh" else f"{place} ({named})"

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
