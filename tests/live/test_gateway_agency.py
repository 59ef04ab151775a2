"""The gateway before a live network, beside settling: diagnoses, files, statements, clearing."""

from __future__ import annotations

import base64
import io
import zipfile
from typing import Any

from tests.broker.captured import validator
from tests.live.test_gateway import VISIT, Counter, counter


async def settled(desk: Counter) -> dict[str, Any]:
    """A stay, settled; the answer's `setlinfo`."""
    await desk.admit_and_discharge()
    return (await desk.call("2304", {"data": desk.claim}))["setlinfo"]


def statement(desk: Counter, info: dict[str, Any]) -> dict[str, Any]:
    """The fields that 3201 and 3202 share, for the day of a settlement."""
    case = next(iter(desk.served.cast.nodes["treatment:310000"].state.cases.values()))
    return {
        "setl_optins": "310000", "stmt_begndate": case.day, "stmt_enddate": case.day,
        "medfee_sumamt": info["medfee_sumamt"], "fund_pay_sumamt": info["fund_pay_sumamt"],
        "fixmedins_setl_cnt": 1, "clr_type": "21",
    }  # fmt: skip


async def test_a_statement_is_level_or_says_who_has_more() -> None:
    """3201 with the settlement, without it, and with another amount."""
    async with counter() as desk:
        info = await settled(desk)
        data = {**statement(desk, info), "insutype": "310", "acct_pay": info["acct_pay"]}
        level = await desk.call("3201", {"data": data})
        missing = await desk.call("3201", {"data": {**data, "fixmedins_setl_cnt": "0"}})
        other = await desk.call("3201", {"data": {**data, "fund_pay_sumamt": 1}})

    results = [one["stmtinfo"]["stmt_rslt"] for one in (level, missing, other)]
    assert ["0", "1", "3"] == results
    assert "基金7708.00" in level["stmtinfo"]["stmt_rslt_dscr"]


def table(*columns: str) -> str:
    """An institution's file as 9101 carries it: one zipped line, in Base64."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("mx.txt", "\t".join(columns))
    return base64.b64encode(buffer.getvalue()).decode()


async def test_details_go_out_and_come_back_as_files() -> None:
    """9101, 3202, 9102: the result file is octets, one row a settlement."""
    async with counter() as desk:
        info = await settled(desk)
        amounts = [info[name] for name in ("medfee_sumamt", "fund_pay_sumamt", "acct_pay")]
        content = table(info["setl_id"], VISIT, desk.psn_no, *amounts, "0")
        sent = await desk.call("9101", {"fsUploadIn": {"in": content, "filename": "mx.zip"}})
        data = {**statement(desk, info), "file_qury_no": sent["file_qury_no"], "cash_payamt": 2292}
        result = (await desk.call("3202", {"data": data}))["fileinfo"]
        reply = await desk.raw("9102", {"fsDownloadIn": {"file_qury_no": result["file_qury_no"]}})
        unknown = await desk.raw("9102", {"fsDownloadIn": {"file_qury_no": "../../etc/passwd"}})

    assert (200, "application/octet-stream") == (reply.status, reply.headers["content-type"])
    assert result["filename"] in reply.headers["content-disposition"]
    with zipfile.ZipFile(io.BytesIO(reply.body)) as archive:
        row = archive.read(archive.namelist()[0]).decode().rstrip("\n").split("\t")
    assert [desk.psn_no, VISIT, info["setl_id"], info["medins_setl_id"], "0", "0"] == row[:6]
    assert unknown.json["err_msg"].startswith("E_KEY_FORMAT")


async def test_an_application_holds_what_it_counts_until_it_is_withdrawn() -> None:
    """3203, 2305 refused, 3204, 2305 taken; a wrong number is named by its field."""
    async with counter() as desk:
        info = await settled(desk)
        day = statement(desk, info)["stmt_begndate"]
        data = {
            "clr_type": "21", "setlym": day[:7].replace("-", ""), "psntime": 1,
            "medfee_sumamt": info["medfee_sumamt"], "med_sumfee": info["inscp_scp_amt"],
            "fund_appy_sum": info["fund_pay_sumamt"], "cash_payamt": info["psn_cash_pay"],
            "acct_pay": info["acct_pay"], "begndate": day, "enddate": day,
        }  # fmt: skip
        undo = {"setl_id": info["setl_id"], "mdtrt_id": VISIT, "psn_no": desk.psn_no}
        wrong = (await desk.raw("3203", {"data": {**data, "cash_payamt": 1}})).json
        event = (await desk.call("3203", {"data": data}))["result"]["clr_appy_evt_id"]
        held = (await desk.raw("2305", {"data": undo})).json
        await desk.call("3204", {"data": {"clr_appy_evt_id": event}})
        undone = await desk.call("2305", {"data": undo})

    assert wrong["err_msg"].startswith("E_CLEARING_MISMATCH")
    assert "at=$.input.data.cash_payamt" in wrong["err_msg"]
    assert held["err_msg"].startswith("E_CLEARED")
    assert "-7708.00" == undone["setlinfo"]["fund_pay_sumamt"]


async def test_a_month_is_allocated_confirmed_and_rolled_back() -> None:
    """3260, 3261 by the rows it gave, 3262 by the reference of that answer."""
    async with counter() as desk:
        info = await settled(desk)
        day = statement(desk, info)["stmt_begndate"]
        month = {"trt_year": day[:4], "trt_month": day[5:7]}
        (row,) = (await desk.call("3260", {"data": {**month, "startrow": 1}}))["data"]
        detail = [{**row, "cnfm_flag": "0"}]
        data = {"data": {**month, "totalrow": "1"}, "detail": detail}
        confirmed = (await desk.raw("3261", data)).json
        after = await desk.call("3260", {"data": {**month, "startrow": 1}})
        rollback = {**month, "otransid": confirmed["inf_refmsgid"]}
        await desk.call("3262", {"data": rollback})
        again = await desk.call("3260", {"data": {**month, "startrow": 1}})

    assert ("1", VISIT, "7708.00") == (row["seqno"], row["mdtrt_id"], row["optins_pay_sumamt"])
    assert 0 == confirmed["infcode"]
    assert ["0", "1"] == [one["data"][0]["cnfm_flag"] for one in (after, again)]


async def test_calls_and_answers_are_what_the_schema_says() -> None:
    """Whatever went well was a valid call, and got a valid answer."""
    async with counter() as desk:
        info = await settled(desk)
        data = {**statement(desk, info), "insutype": "310", "acct_pay": info["acct_pay"]}
        await desk.call("3201", {"data": data})
        await desk.call("5206", {"data": {"psn_no": desk.psn_no, "cum_ym": "202603"}})
        undo = {"setl_id": info["setl_id"], "mdtrt_id": VISIT, "psn_no": desk.psn_no}
        await desk.call("2305", {"data": undo})

    assert {"1101", "2401", "2301", "2304", "2305"} <= {call["infno"] for call, _ in desk.sent}
    for call, reply in desk.sent:
        validator(f"Call{call['infno']}").validate(call)
        validator("NationalAnswer").validate(reply.json)


async def test_a_list_and_what_a_year_has_come_to() -> None:
    """4101A with one main diagnosis; 5206 after the stay, 5203 with the hospital's level."""
    async with counter() as desk:
        info = await settled(desk)
        listed = {
            "psn_no": desk.psn_no, "mdtrt_id": VISIT, "setl_id": info["setl_id"],
            "medcasno": "BA1", "setl_begn_date": "2026-03-01", "setl_end_date": "2026-03-02",
        }  # fmt: skip
        disease = {"diag_type": "1", "diag_code": "K80.2", "diag_name": "胆囊结石"}
        rows = [{**disease, "maindiag_flag": flag} for flag in ("1", "0")]
        answer = await desk.call("4101A", {"setlinfo": listed, "diseinfo": rows})
        two = await desk.raw("4101A", {"setlinfo": listed, "diseinfo": [rows[0], rows[0]]})
        year = await desk.call("5206", {"data": {"psn_no": desk.psn_no, "cum_ym": "202603"}})
        known = await desk.call("5203", {"data": {"psn_no": desk.psn_no, "mdtrt_id": VISIT}})

    assert answer["setl_list_id"].startswith("A310000")
    assert "at=$.input.diseinfo" in two.json["err_msg"]
    sums = {one["cum_type_code"]: one["cum"] for one in year["cuminfo"]}
    assert ("1.00", info["hifp_pay"]) == (sums["IPT"], sums["HIFP"])
    assert "02" == known["setlinfo"]["hosp_lv"]


async def test_a_stay_is_seen_corrected_and_its_lines_taken_back() -> None:
    """5303 while it lasts, 2403, 2302 with 0000; the settlement then has no lines."""
    async with counter() as desk:
        await desk.admit_and_discharge()
        who = {"mdtrt_id": VISIT, "psn_no": desk.psn_no}
        gone = await desk.call("5303", {"data": {"psn_no": desk.psn_no}})
        await desk.call("2405", {"data": who})
        stays = await desk.call("5303", {"data": {"psn_no": desk.psn_no}})
        await desk.call("2403", {"adminfo": {**who, "dscg_maindiag_code": "K80.1"}})
        again = await desk.call("5303", {"data": {"psn_no": desk.psn_no}})
        await desk.call("2302", {"data": [{**who, "feedetl_sn": "0000"}]})
        left = {**who, "insutype": "310", "dscg_way": "1", "endtime": "2026-03-02 09:00:00"}
        await desk.call("2402", {"dscginfo": left})
        bare = (await desk.raw("2304", {"data": desk.claim})).json

    assert [] == gone["data"]
    assert [(VISIT, "K80.2"), (VISIT, "K80.1")] == [
        (one["data"][0]["mdtrt_id"], one["data"][0]["dscg_maindiag_code"]) for one in (stays, again)
    ]
    assert bare["err_msg"].startswith("E_FEES_MISSING")


async def test_a_chronic_visit_by_2203a() -> None:
    """The disease that 2203A names is what the insured region looks for."""
    async with counter() as desk:
        opened = {
            "psn_no": desk.psn_no, "insutype": "310", "begntime": "2026-03-02 09:00:00",
            **desk.cert, "ipt_otp_no": "MZ1",
        }  # fmt: skip
        await desk.call("2201", {"data": opened})
        info = {"mdtrt_id": "MZ1", "psn_no": desk.psn_no, "med_type": "14",
                "begntime": "2026-03-02 09:00:00", "dise_codg": "M03900"}  # fmt: skip
        disease = {"diag_type": "1", "diag_srt_no": 1, "diag_code": "I10", "diag_name": "高血压",
                   "vali_flag": "1"}  # fmt: skip
        await desk.call("2203A", {"mdtrtinfo": info, "diseinfo": [disease]})
        fee = {**desk.row(1), "mdtrt_id": "MZ1", "chrg_bchno": "B1"}
        del fee["med_type"]
        await desk.call("2204", {"feedetail": [fee]})
        claim = {**desk.claim, "mdtrt_id": "MZ1", "med_type": "14", "chrg_bchno": "B1",
                 "medfee_sumamt": 5_000}  # fmt: skip
        refused = (await desk.raw("2206", {"data": claim})).json
        held = await desk.call("5301", {"data": {"psn_no": desk.psn_no}})

    assert refused["err_msg"].startswith("E_CHRONIC_NOT_REGISTERED")
    assert [] == held["feedetail"]
