"""Transactions that the gateway answers by itself: sign-in, institutions, dictionaries.

A sign-in number needs no memory: it is the time and a keyed digest of institution, operator and
time, so that any gateway with the same key knows it again at sign-out (9002).
"""

from __future__ import annotations

import hmac
from collections.abc import Callable, Mapping
from hashlib import sha256

from yidi.broker.gateway.asked import Asked, Nodes, Place
from yidi.protocol.codes import DICTIONARIES
from yidi.protocol.errors import ErrorCode, RemoteProtocolError
from yidi.protocol.identifiers import is_pharmacy
from yidi.protocol.instants import local_stamp, parse_datetime

_SERIAL_DIGITS = 16
_ALIASES = {"hosp_lv": "national_hosp_lv"}


class LocalDesk:
    """Answers without the network."""

    def __init__(self, places: Mapping[str, Place], secret: bytes) -> None:
        self.places = places
        self.secret = secret
        self._writers: dict[str, Callable[[Asked], Nodes]] = {
            "9001": self._sign_in,
            "9002": self._sign_out,
            "1201": self._institutions,
            "1901": self._dictionary,
        }

    def output_of(self, asked: Asked) -> Nodes:
        """The nodes of the answer.

        Raises:
            RemoteProtocolError: `E_KEY_FORMAT`, `E_INSTITUTION_UNKNOWN`, `E_CODE`.
        """
        return self._writers[asked.read.call.infno](asked)

    def _sign_in(self, asked: Asked) -> Nodes:
        sign_time = asked.envelope["inf_time"]
        number = self._sign_no(asked, local_stamp(parse_datetime(sign_time)))
        return {"signinoutb": {"sign_time": sign_time, "sign_no": number}}

    def _sign_out(self, asked: Asked) -> Nodes:
        given = asked.data["sign_no"]
        if not hmac.compare_digest(given.encode(), self._sign_no(asked, given[:14]).encode()):
            at = "$.input.signOut.sign_no"
            raise RemoteProtocolError(ErrorCode.E_KEY_FORMAT, at=at, want="a number of 9001")
        return {"signoutoutb": {"sign_time": asked.envelope["inf_time"]}}

    def _sign_no(self, asked: Asked, stamp: str) -> str:
        content = f"{asked.envelope['fixmedins_code']}|{asked.data['opter_no']}|{stamp}"
        digest = hmac.new(self.secret, content.encode(), sha256).hexdigest()
        return stamp + digest[:_SERIAL_DIGITS].upper()

    def _institutions(self, asked: Asked) -> Nodes:
        data = asked.data
        code, name = data.get("fixmedins_code", ""), data.get("fixmedins_name", "")
        if not code and not name:
            at = "$.input.medinsinfo.fixmedins_code"
            raise RemoteProtocolError(ErrorCode.E_MISSING_FIELD, at=at)
        found = [
            place
            for place in self.places.values()
            if (not code or place.code == code) and (not name or name in place.name)
        ]
        if not found:
            raise RemoteProtocolError(ErrorCode.E_INSTITUTION_UNKNOWN, got=code)
        rows = [
            {
                "fixmedins_code": place.code,
                "fixmedins_name": place.name,
                "fixmedins_type": "2" if is_pharmacy(place.code) else "1",
                "hosp_lv": place.hosp_lv,
                "admdvs": place.region,
            }
            for place in found[:100]
        ]
        return {"medinsinfo": rows}

    def _dictionary(self, asked: Asked) -> Nodes:
        name = asked.data["type"].lower()
        entries = DICTIONARIES.get(_ALIASES.get(name, name))
        if entries is None:
            want = "the name of a dictionary, such as med_type"
            at = "$.input.data.type"
            raise RemoteProtocolError(ErrorCode.E_CODE, at=at, want=want, got=name)
        wanted = asked.data.get("value")
        rows = [
            {"type": name, "value": value, "label": zh, "sort": str(number), "vali_flag": "1"}
            for number, (value, (zh, _)) in enumerate(entries.items(), 1)
            if wanted in (None, value)
        ]
        return {"list": rows}
