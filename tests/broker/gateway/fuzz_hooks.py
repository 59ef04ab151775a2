"""Loaded by schemathesis: every other body gets public parameters that are right.

What it makes up for `msgid` or `fixmedins_code` is refused before the rest is looked at; with
parameters that fit, the fields of `input` reach the network.
"""

from __future__ import annotations

import json
from hashlib import sha256
from typing import Any

import schemathesis

PARAMETERS = {
    "mdtrtarea_admvs": "310000", "insuplc_admdvs": "340500", "recer_sys_code": "YBXT",
    "infver": "V1.0", "opter_type": "1", "opter": "001", "opter_name": "收费员",
    "inf_time": "2026-03-02 08:00:00", "fixmedins_code": "H31010100001", "fixmedins_name": "医院",
    "enc_type": None, "encType": None,
}  # fmt: skip


@schemathesis.hook
def map_body(context: schemathesis.HookContext, body: Any) -> Any:
    """Give a call the parameters of a hospital of the network, and a message id of its content."""
    if not isinstance(body, dict) or not isinstance(body.get("input"), dict):
        return body
    digest = sha256(json.dumps(body["input"], sort_keys=True, default=str).encode()).digest()
    if digest[0] % 2:
        return body
    serial = int.from_bytes(digest[1:4], "big") % 10_000
    return {**body, **PARAMETERS, "msgid": f"H3101010000120260302080000{serial:04d}"}
