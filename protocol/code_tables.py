"""The dictionaries of the national interface that we use, as data: code → (zh, en).

`codes` gives them their meaning. A dictionary is what a *form* may hold; whether a value is
allowed in one place (a visit of a quote, a cross-region business) is for that place to say.
Values seen only in one province or one vendor's system are marked *local* or left out.

Source: interface.md (d), domain.md 3.1; disease codes: domain.md 3.5.
"""

from __future__ import annotations

Entries = dict[str, tuple[str, str]]

INSUTYPE: Entries = {
    "310": ("职工基本医疗保险", "Employees' basic insurance"),
    "320": ("公务员医疗补助", "Civil servants' supplement"),
    "330": ("大额医疗费用补助", "Large-expense supplement"),
    "340": ("离休人员医疗保障", "Veteran cadres' scheme"),
    "350": ("一至六级残疾军人医疗补助", "Disabled servicemen's supplement"),
    "360": ("老红军医疗保障", "Red Army veterans' scheme"),
    "370": ("企业补充医疗保险", "Enterprise supplement"),
    "380": ("新型农村合作医疗", "New rural cooperative scheme"),
    "390": ("城乡居民基本医疗保险", "Residents' basic insurance"),
    "391": ("城镇居民基本医疗保险", "Urban residents' basic insurance"),
    "392": ("城乡居民大病医疗保险", "Residents' serious-illness insurance"),
    "399": ("其他特殊人员医疗保障", "Other special persons' scheme"),
    "410": ("长期照护保险", "Long-term care insurance"),
    "510": ("生育保险", "Maternity insurance"),
}

MED_TYPE: Entries = {
    "11": ("普通门诊", "Ordinary outpatient"),
    "12": ("门诊挂号", "Outpatient registration"),
    "13": ("急诊", "Emergency outpatient"),
    "14": ("门诊慢特病", "Chronic or special outpatient"),
    "140104": ("门诊慢性病", "Chronic outpatient"),
    "140201": ("门诊特殊病", "Special-disease outpatient"),
    "15": ("特药", "Special drugs"),
    "16": ("中医特色门诊", "Chinese medicine outpatient"),
    "19": ("意外伤害门诊", "Accident outpatient"),
    "21": ("普通住院", "Ordinary inpatient"),
    "22": ("外伤住院", "Trauma inpatient"),
    "23": ("转外诊治住院", "Referred inpatient"),
    "24": ("急诊转住院", "Emergency inpatient"),
    "25": ("异地住院", "Remote inpatient"),
    "26": ("单病种住院", "Single-disease inpatient"),
    "27": ("自主就医住院", "Self-chosen inpatient"),
    "28": ("日间手术", "Day surgery"),
    "41": ("定点药店购药", "Pharmacy purchase"),
    "51": ("生育门诊", "Maternity outpatient"),
    "52": ("生育住院", "Maternity inpatient"),
    "53": ("计划生育手术费", "Family planning surgery"),
    "61": ("照护", "Long-term care"),
    "81": ("意外伤害门诊（旧）", "Accident outpatient (old code)"),
}

PSN_TYPE: Entries = {
    "1101": ("在职职工", "Employee"),
    "1102": ("在职公务员", "Civil servant"),
    "1103": ("灵活就业人员", "Flexibly employed"),
    "1160": ("其他在职人员", "Other employed"),
    "1201": ("退休职工", "Retired employee"),
    "1202": ("退休公务员", "Retired civil servant"),
    "1203": ("灵活就业退休人员", "Retired, flexibly employed"),
    "1260": ("其他退休人员", "Other retired"),
    "1300": ("离休人员", "Veteran cadre"),
    "1360": ("其他离休人员", "Other veteran cadre"),
    "1401": ("新生儿", "Newborn"),
    "1402": ("学龄前儿童", "Child below school age"),
    "1403": ("中小学生", "Pupil"),
    "1404": ("大学生", "Student"),
    "1405": ("未入学未成年人", "Minor not at school"),
    "1501": ("成年居民", "Adult resident"),
    "1560": ("其他成年居民", "Other adult resident"),
    "1601": ("老年居民", "Elderly resident"),
}

# 360100 and 410100 differ by province. The pool's own form ends in 101; see `FUND_PAY_TYPE`.
_FUNDS: Entries = {
    "310100": ("职工基本医疗保险统筹基金", "Employees' pooled fund"),
    "310200": ("职工基本医疗保险个人账户", "Employees' personal account"),
    "320100": ("公务员医疗补助基金", "Civil servants' fund"),
    "330100": ("大额医疗费用补助基金", "Large-expense fund"),
    "340100": ("离休人员医疗保障基金", "Veteran cadres' fund"),
    "350100": ("残疾军人医疗补助基金", "Disabled servicemen's fund"),
    "360100": ("老红军医疗保障基金", "Red Army veterans' fund"),
    "370100": ("企业补充医疗保险基金", "Enterprise supplement fund"),
    "390100": ("城乡居民基本医疗保险基金", "Residents' pooled fund"),
    "390200": ("城乡居民大病医疗保险基金", "Residents' serious-illness fund"),
    "410100": ("长期照护保险基金", "Long-term care fund"),
    "510100": ("生育基金", "Maternity fund"),
    "610100": ("医疗救助基金", "Medical assistance fund"),
}

FUND_PAY_TYPE: Entries = {
    **_FUNDS,
    **{
        f"{code[:5]}1": (f"{zh}（统筹区）", f"{en} (pool's form)")
        for code, (zh, en) in _FUNDS.items()
    },
    "910100": ("异地平台返回的其他支付", "Other payment returned by the remote platform"),
    "999996": ("医院垫付", "Advanced by the hospital"),
    "999997": ("其他基金", "Other fund"),
    "999998": ("现金", "Cash"),
    "999999": ("个人负担", "Borne by the person"),
}

CLR_TYPE: Entries = {
    "11": ("门诊", "Outpatient"),
    "21": ("住院", "Inpatient"),
    "41": ("药店", "Pharmacy"),
    "51": ("暂缓", "Deferred"),
    "99": ("其他", "Other"),
}

PAY_LOC: Entries = {
    "1": ("中心", "Agency"),
    "2": ("医药机构", "Institution"),
    "3": ("省内异地", "Elsewhere in the province"),
    "4": ("跨省异地", "Another province"),
}

SETL_TYPE: Entries = {
    "1": ("中心报销", "Reimbursed by the agency"),
    "2": ("联网结算", "Settled online"),
    "3": ("补充报销", "Supplementary reimbursement"),
}

MDTRT_CERT_TYPE: Entries = {
    "01": ("医保电子凭证", "Electronic insurance credential"),
    "02": ("居民身份证", "Identity card"),
    "03": ("社会保障卡", "Social security card"),
    "04": ("终端扫码", "Code scanned at a terminal"),
    "05": ("终端扫脸", "Face scanned at a terminal"),
}

PSN_CERT_TYPE: Entries = {
    "01": ("居民身份证（户口簿）", "Identity card or household register"),
    "02": ("军官证", "Officer's certificate"),
    "03": ("警官证", "Police officer's certificate"),
    "04": ("港澳居民来往内地通行证", "Hong Kong and Macao travel permit"),
    "05": ("台湾居民来往大陆通行证", "Taiwan travel permit"),
    "06": ("港澳居民居住证", "Hong Kong and Macao residence permit"),
    "07": ("台湾居民居住证", "Taiwan residence permit"),
    "08": ("外国人永久居留证", "Foreigner's permanent residence permit"),
    "09": ("护照", "Passport"),
    "90": ("社会保障卡", "Social security card"),
    "99": ("其他", "Other"),
}

GEND: Entries = {
    "0": ("未知", "Unknown"),
    "1": ("男", "Male"),
    "2": ("女", "Female"),
    "9": ("未说明", "Not stated"),
}

PSN_INSU_STAS: Entries = {
    "0": ("未参保", "Not insured"),
    "1": ("正常参保", "Insured"),
    "2": ("暂停参保", "Suspended"),
    "3": ("无效参保", "Void"),
    "4": ("终止参保", "Ended"),
}

HOSP_LV: Entries = {
    "1": ("一级", "Level 1"),
    "2": ("二级", "Level 2"),
    "3": ("三级", "Level 3"),
    "provincial": ("省属三级", "Provincial"),
}

NATIONAL_HOSP_LV: Entries = {
    "01": ("三级特等", "Level 3, special"),
    "02": ("三级甲等", "Level 3A"),
    "03": ("三级乙等", "Level 3B"),
    "04": ("三级丙等", "Level 3C"),
    "05": ("二级甲等", "Level 2A"),
    "06": ("二级乙等", "Level 2B"),
    "07": ("二级丙等", "Level 2C"),
    "08": ("一级甲等", "Level 1A"),
    "09": ("一级乙等", "Level 1B"),
    "10": ("一级丙等", "Level 1C"),
    "11": ("无等级", "No level"),
}

FILING: Entries = {
    "none": ("未备案", "No filing"),
    "resettled": ("异地安置退休人员", "Resettled retiree"),
    "long_stay": ("异地长期居住人员", "Long-term resident"),
    "posted": ("常驻异地工作人员", "Posted worker"),
    "referral": ("异地转诊人员", "Referral"),
    "emergency": ("异地急诊抢救人员", "Emergency"),
    "other_temporary": ("其他跨省临时外出就医人员", "Other temporary"),
}

NATIONAL_FILING: Entries = {
    "02": ("异地安置退休", "Resettled retiree"),
    "06": ("异地转诊", "Referral"),
    "07": ("异地长期居住", "Long-term resident"),
    "08": ("常驻异地工作", "Posted worker"),
    "09": ("跨省异地长期居住人员", "Long-stay persons"),
    "10": ("跨省临时外出就医人员", "Temporary persons"),
    "11": ("其他跨省临时外出就医人员", "Other temporary persons"),
}

CHRONIC: Entries = {
    "M00200": ("病毒性肝炎", "Viral hepatitis"),
    "M00500": ("恶性肿瘤门诊治疗", "Outpatient treatment of malignant tumours"),
    "M01600": ("糖尿病", "Diabetes"),
    "M03900": ("高血压", "Hypertension"),
    "M04600": ("冠心病", "Coronary heart disease"),
    "M05300": ("慢性阻塞性肺疾病", "Chronic obstructive pulmonary disease"),
    "M06900": ("类风湿关节炎", "Rheumatoid arthritis"),
    "M07200": ("强直性脊柱炎", "Ankylosing spondylitis"),
    "M07800": ("尿毒症透析", "Dialysis for uraemia"),
    "M08300": ("器官移植术后抗排异治疗", "Anti-rejection therapy after organ transplant"),
}

CHRGITM_LV: Entries = {
    "01": ("甲类", "Class A"),
    "02": ("乙类", "Class B"),
    "03": ("丙类（自费）", "Class C (self-paid)"),
}

STMT_RSLT: Entries = {
    "0": ("对平", "Level"),
    "1": ("中心多", "Agency has more"),
    "2": ("医药机构多", "Institution has more"),
    "3": ("数据不一致", "Data differ"),
}

CLR_STAS: Entries = {
    "10": ("已申请", "Applied"),
    "20": ("已受理", "Accepted"),
    "30": ("审核中", "Under review"),
    "40": ("审核完成", "Reviewed"),
    "50": ("已清算", "Cleared"),
    "60": ("已拨付", "Paid"),
    "70": ("已驳回", "Rejected"),
}

DSCG_WAY: Entries = {
    "1": ("医嘱离院", "Discharged on medical advice"),
    "2": ("医嘱转院", "Transferred on medical advice"),
    "3": ("医嘱转社区", "Transferred to community care"),
    "4": ("非医嘱离院", "Left against medical advice"),
    "5": ("死亡", "Died"),
    "9": ("其他", "Other"),
}

CLR_WAY: Entries = {
    "1": ("按项目", "Fee for service"),
    "10": ("按项目", "Fee for service"),
    "20": ("单病种", "Single disease"),
    "30": ("按病种分值 (DIP)", "By disease points (DIP)"),
    "40": ("按疾病诊断相关分组 (DRG)", "By diagnosis group (DRG)"),
    "50": ("按床日", "By bed day"),
    "60": ("按人头", "By head"),
    "99": ("其他", "Other"),
}

PSN_SETLWAY: Entries = {
    "01": ("按项目结算", "By item"),
    "02": ("按定额结算", "Fixed amount"),
    "0201": ("单病种结算", "Single disease"),
    "0202": ("日间手术结算", "Day surgery"),
}

FLAG: Entries = {
    "0": ("否", "No"),
    "1": ("是", "Yes"),
}

CASE_STATE: Entries = {
    "NEW": ("新建", "New"),
    "PRESETTLED": ("已预结算", "Pre-settled"),
    "INDOUBT": ("结果未知", "In doubt"),
    "SETTLED": ("已结算", "Settled"),
    "REJECTED": ("已拒绝", "Rejected"),
    "REVERSED": ("已撤销或冲正", "Cancelled or reversed"),
    "CLEARED": ("已清算", "Cleared"),
}

POSTING_KIND: Entries = {
    "SETTLE": ("结算", "Settlement"),
    "CANCEL": ("结算撤销", "Cancellation"),
    "REVERSE": ("冲正", "Reversal"),
    "REINSTATE": ("恢复", "Reinstatement"),
    "ADJUST": ("调整", "Adjustment"),
    "PREFUND": ("预付金", "Prefund"),
    "CLEAR": ("清算", "Clearing"),
}

CLEARING_STATE: Entries = {
    "CONFIRMED": ("已确认", "Confirmed"),
    "NOTIFIED": ("已通知", "Notified"),
    "PAID": ("已支付", "Paid"),
    "FAILED": ("支付失败", "Payment failed"),
}

DIFFERENCE: Entries = {
    "treatment_only": ("就医地单边账", "Only in the treatment region's books"),
    "hub_only": ("平台单边账", "Only in the hub's books"),
    "insured_only": ("参保地单边账", "Only in the insured region's books"),
    "treatment_missing": ("就医地缺账", "Missing from the treatment region's books"),
    "hub_missing": ("平台缺账", "Missing from the hub's books"),
    "insured_missing": ("参保地缺账", "Missing from the insured region's books"),
    "amount": ("金额不一致", "Amounts differ"),
    "duplicate": ("重复记账", "Booked twice"),
    "state": ("状态不一致", "States differ"),
    "day": ("会计日不一致", "Accounting days differ"),
    "insutype": ("险种不一致", "Insurance types differ"),
}

WARNING: Entries = {
    "yellow": ("黄色预警", "Yellow warning"),
    "red": ("红色预警", "Red warning"),
}
