"""Somebody's own node: pre-settlement 2206 and settlement 2207 of Huaibei 340600, level 0.

    python docs/examples/node.py 9000
    yidi run huaibei-outpatient-in-shanghai --external insured:340600=http://127.0.0.1:9000/
"""

import json
import sys
from http.server import BaseHTTPRequestHandler, HTTPServer

balances, deductibles, settled = {}, {}, {}  # fen by person, the same, (request, answer) by msgid


def fen(yuan):
    return int(yuan.replace(".", ""))  # amounts come with two decimals


def answer(request):
    try:
        return decide(request)
    except (KeyError, ValueError) as missing:
        return {"infcode": -1, "err_msg": f"E_MISSING_FIELD {missing}"}


def decide(request):
    if request["infno"] == "init":  # the handshake: who is insured here, and what is served
        for memory in (balances, deductibles, settled):
            memory.clear()  # a new network begins
        balances.update({one["psn_no"]: fen(one["balc"]) for one in request["input"]["persons"]})
        return {"infcode": 0, "output": {"serves": ["2206", "2207"]}}
    claim, msgid = request["input"]["data"], request["msgid"]
    if msgid in settled:  # a repeat gets the first answer again, and only a repeat does
        asked, reply = settled[msgid]
        return reply if asked == claim else {"infcode": -1, "err_msg": "E_KEY_REUSED"}
    person, total = claim["psn_no"], fen(claim["medfee_sumamt"])
    outside = ("fulamt_ownpay_amt", "overlmt_selfpay", "preselfpay_amt")
    in_scope = total - sum(fen(claim[name]) for name in outside)
    deductible = min(in_scope, 400_00 - deductibles.get(person, 0))  # 400 yuan a year
    fund = (in_scope - deductible + 1) // 2  # half of the rest, rounded half up
    own = total - fund
    account = min(own, balances.get(person, 0)) if claim["acct_used_flag"] == "1" else 0
    left = balances.get(person, 0) - account
    amounts = {"medfee_sumamt": total, "act_pay_dedc": deductible, "fund_pay_sumamt": fund,
               "acct_pay": account, "psn_cash_pay": own - account, "balc": left}  # fmt: skip
    info = {name: f"{value // 100}.{value % 100:02d}" for name, value in amounts.items()}
    info["pool_prop_selfpay"] = "0.5"
    detail = [{"fund_pay_type": "310100", "fund_payamt": info["fund_pay_sumamt"]}]
    reply = {"infcode": 0, "output": {"setlinfo": info, "setldetail": detail}}
    if request["infno"] == "2207":  # from here on money moves
        info["setl_id"] = f"N{len(settled) + 1:09d}"
        balances[person], deductibles[person] = left, deductibles.get(person, 0) + deductible
        settled[msgid] = claim, reply
    return reply


class Handler(BaseHTTPRequestHandler):
    def do_POST(self):
        request = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.end_headers()
        self.wfile.write(json.dumps(answer(request)).encode())


if __name__ == "__main__":
    port = int(sys.argv[1]) if len(sys.argv) > 1 else 9000
    HTTPServer(("127.0.0.1", port), Handler).serve_forever()
