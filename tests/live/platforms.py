"""A treatment platform for tests: takes prompts at a hook, and calls the national gateway.

It does what a good one does; `hasty` sends a settlement anew when it hears nothing.
"""

from __future__ import annotations

import json
import queue
import threading
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

PATH = "/fsi/api/rsfComIfsService/callService"
ITEM = "001102000010000-110200001"


class Platform:
    """One installation."""

    def __init__(self, *, hasty=False):
        self.hasty = hasty
        self.prompts = queue.Queue()
        self.serial = 0
        self.visits = {}
        self.sent = {}
        self.settled = {}

    def work(self):
        """Take prompts until None comes."""
        while (prompt := self.prompts.get()) is not None:
            self.act(prompt)

    def act(self, prompt):
        """Do what a prompt says."""
        case = prompt["case"]
        if prompt.get("again"):
            self.post(prompt, *self.sent[case, prompt["again"]])
            return
        if case not in self.visits:
            self.visits[case] = f"MZ{len(self.visits) + 1:06d}"
            self.register(prompt)
        if prompt["do"] == "doubt":
            self.in_doubt(prompt)
            return
        code = {"eligibility": "1101", "fee_upload": "2204", "pre_settlement": "2206",
                "settlement": "2207", "cancellation": "2208"}[prompt["do"]]  # fmt: skip
        answer = self.call(prompt, code, self.inputs(prompt, code))
        if code == "2207" and answer is None and self.hasty:
            self.call(prompt, code, self.inputs(prompt, code))
        if code == "2207" and answer:
            self.settled[case] = answer["setlinfo"]["setl_id"]

    def register(self, prompt):
        """2201 comes before the first fee."""
        self.call(prompt, "2201", {"data": {
            **self.who(prompt), "begntime": "2026-03-02 09:00:00", "mdtrt_cert_type": "02",
            "mdtrt_cert_no": prompt["person"]["certno"], "ipt_otp_no": self.visits[prompt["case"]],
            "atddr_no": "D1", "dr_name": "王", "caty": "A03",
        }})  # fmt: skip

    def in_doubt(self, prompt):
        """Ask, and reverse what is still open."""
        asked = {**self.who(prompt), "mdtrt_id": self.visits[prompt["case"]]}
        answer = self.call(prompt, "5203", {"data": {**asked, "setl_id": ""}})
        if answer is None or not answer.get("setlinfo"):
            _, message_id, _ = self.sent[prompt["case"], "2207"]
            named = {"psn_no": prompt["person"]["psn_no"], "omsgid": message_id, "oinfno": "2207"}
            self.call(prompt, "2601", {"data": named})

    def inputs(self, prompt, code):
        """What a transaction carries."""
        card = {"mdtrt_cert_type": "02", "mdtrt_cert_no": prompt["person"]["certno"]}
        visit, batch = self.visits[prompt["case"]], prompt["batch"]
        if code == "1101":
            return {"data": {**card, "psn_cert_type": "01"}}
        if code == "2204":
            amount = prompt["fields"]["amount"]
            self.settled[visit] = amount
            return {"feedetail": [{
                "feedetl_sn": "1", "mdtrt_id": visit, "psn_no": prompt["person"]["psn_no"],
                "chrg_bchno": batch, "fee_ocur_time": "2026-03-02 09:00:00", "cnt": 1,
                "med_list_codg": ITEM, "medins_list_codg": "L1", "det_item_fee_sumamt": amount,
                "pric": amount,
            }]}  # fmt: skip
        if code == "2208":
            return {"data": {**self.who(prompt), "mdtrt_id": visit,
                             "setl_id": self.settled[prompt["case"]]}}  # fmt: skip
        used = "1" if prompt["fields"].get("account_used") else "0"
        return {"data": {
            **self.who(prompt), **card, "mdtrt_id": visit, "chrg_bchno": batch, "med_type": "11",
            "medfee_sumamt": self.settled[visit], "psn_setlway": "01", "acct_used_flag": used,
        }}  # fmt: skip

    def who(self, prompt):
        """The person, as most transactions name one."""
        return {"psn_no": prompt["person"]["psn_no"], "insutype": prompt["person"]["insutype"]}

    def call(self, prompt, code, inputs):
        """A call under a message id of its own; its output, or None."""
        self.serial += 1
        message_id = f"{prompt['institution']}20260302090000{self.serial:04d}"
        self.sent[prompt["case"], code] = self.sent[prompt["case"], prompt["step"]] = (
            code, message_id, inputs
        )  # fmt: skip
        return self.post(prompt, code, message_id, inputs)

    def post(self, prompt, code, message_id, inputs):
        """One POST."""
        place = prompt["institution"]
        document = {
            "infno": code, "msgid": message_id, "mdtrtarea_admvs": prompt["treatment"],
            "insuplc_admdvs": prompt["insured"], "recer_sys_code": "YBXT", "infver": "V1.0",
            "opter_type": "1", "opter": "001", "opter_name": "收费员",
            "inf_time": "2026-03-02 09:00:00", "fixmedins_code": place, "fixmedins_name": place,
            "input": inputs,
        }  # fmt: skip
        request = urllib.request.Request(
            f"{prompt['gateway']}{PATH}/{code}", json.dumps(document).encode(),
            {"Authorization": f"Bearer {prompt['token']}", "Content-Type": "application/json"},
        )  # fmt: skip
        try:
            with urllib.request.urlopen(request, timeout=120) as response:
                answer = json.loads(response.read())
        except urllib.error.HTTPError:
            return None
        return answer["output"] if answer["infcode"] == 0 else None


@contextmanager
def platform(**options) -> Iterator[str]:
    """A platform at work; yields the URL of its hook."""
    working = Platform(**options)

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            data = self.rfile.read(int(self.headers["Content-Length"]))
            working.prompts.put(json.loads(data))
            self.send_response(204)
            self.end_headers()

        def log_message(self, *args: object) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threads = [threading.Thread(target=server.serve_forever, args=(0.01,)),
               threading.Thread(target=working.work)]  # fmt: skip
    for thread in threads:
        thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}/"
    finally:
        working.prompts.put(None)
        server.shutdown()
        for thread in threads:
            thread.join()
        server.server_close()
