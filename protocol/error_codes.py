"""The registry of error codes: one row each, data rather than code.

A code is *definite* when the operation certainly did not take effect; an indefinite one leaves
the outcome open, and its receiver asks (5203) or reverses (2601) instead of trying anew. No
public numeric catalogue exists (the national interface knows 0, -1 and 9), so the numbers are
ours: 1xxx form, 2xxx business, 3xxx scenario files, 4xxx stored data and surroundings.
"""

from __future__ import annotations

from enum import StrEnum

import msgspec


class ErrorCode(StrEnum):
    """Every code that a peer, a file or a command can be answered with."""

    E_INTERNAL = "E_INTERNAL"
    E_FRAME_EMPTY = "E_FRAME_EMPTY"
    E_FRAME_TOO_LARGE = "E_FRAME_TOO_LARGE"
    E_FRAME_MAGIC = "E_FRAME_MAGIC"
    E_FRAME_VERSION = "E_FRAME_VERSION"
    E_FRAME_CRC = "E_FRAME_CRC"
    E_DECODE = "E_DECODE"
    E_INFNO_UNKNOWN = "E_INFNO_UNKNOWN"
    E_UNKNOWN_FIELD = "E_UNKNOWN_FIELD"
    E_MISSING_FIELD = "E_MISSING_FIELD"
    E_DUPLICATE_KEY = "E_DUPLICATE_KEY"
    E_AMOUNT = "E_AMOUNT"
    E_SPLIT = "E_SPLIT"
    E_IDCARD = "E_IDCARD"
    E_REGION = "E_REGION"
    E_KEY_FORMAT = "E_KEY_FORMAT"
    E_DATE = "E_DATE"
    E_CLOCK_SKEW = "E_CLOCK_SKEW"
    E_TOO_MANY_ITEMS = "E_TOO_MANY_ITEMS"
    E_ITEM_SUM = "E_ITEM_SUM"
    E_SEQ_GAP = "E_SEQ_GAP"
    E_UNMATCHED = "E_UNMATCHED"
    E_REVERSAL_MISMATCH = "E_REVERSAL_MISMATCH"
    E_CODE = "E_CODE"
    E_NOT_MINE = "E_NOT_MINE"
    E_STALE = "E_STALE"
    E_SIG_MISSING = "E_SIG_MISSING"
    E_SIG_FORMAT = "E_SIG_FORMAT"
    E_SIG_BAD = "E_SIG_BAD"
    E_SIG_REVOKED = "E_SIG_REVOKED"
    E_SIG_ALG = "E_SIG_ALG"
    E_SENDER_MISMATCH = "E_SENDER_MISMATCH"
    E_DECOMPRESS_LIMIT = "E_DECOMPRESS_LIMIT"
    E_NO_POLICY = "E_NO_POLICY"
    E_NO_FILING = "E_NO_FILING"
    E_SCOPE = "E_SCOPE"
    E_FILING_AREA = "E_FILING_AREA"
    E_FILING_EXPIRED = "E_FILING_EXPIRED"
    E_FILING_REFUSED = "E_FILING_REFUSED"
    E_BUSINESS_NOT_OPENED = "E_BUSINESS_NOT_OPENED"
    E_INSURANCE_SUSPENDED = "E_INSURANCE_SUSPENDED"
    E_PERSON_UNKNOWN = "E_PERSON_UNKNOWN"
    E_PERSON_MISMATCH = "E_PERSON_MISMATCH"
    E_INSTITUTION_UNKNOWN = "E_INSTITUTION_UNKNOWN"
    E_VISIT_UNKNOWN = "E_VISIT_UNKNOWN"
    E_ALREADY_ADMITTED = "E_ALREADY_ADMITTED"
    E_IN_HOSPITAL = "E_IN_HOSPITAL"
    E_FEES_MISSING = "E_FEES_MISSING"
    E_TOTAL_MISMATCH = "E_TOTAL_MISMATCH"
    E_ALREADY_SETTLED = "E_ALREADY_SETTLED"
    E_NOT_SETTLED = "E_NOT_SETTLED"
    E_CLEARED = "E_CLEARED"
    E_REVERSED = "E_REVERSED"
    E_KEY_REUSED = "E_KEY_REUSED"
    E_BUSY = "E_BUSY"
    E_TIMEOUT = "E_TIMEOUT"
    E_CHRONIC_CODE = "E_CHRONIC_CODE"
    E_CHRONIC_NOT_REGISTERED = "E_CHRONIC_NOT_REGISTERED"
    E_REFERRAL_LIST = "E_REFERRAL_LIST"
    E_FEES_UPLOADED = "E_FEES_UPLOADED"
    E_IN_DOUBT = "E_IN_DOUBT"
    E_PERIOD_NOT_CLOSED = "E_PERIOD_NOT_CLOSED"
    E_RECON_OPEN = "E_RECON_OPEN"
    E_DAY = "E_DAY"
    E_ROLE = "E_ROLE"
    E_CLEARING_MISMATCH = "E_CLEARING_MISMATCH"
    E_BATCH_UNKNOWN = "E_BATCH_UNKNOWN"
    E_PAYMENT_FAILED = "E_PAYMENT_FAILED"
    E_PREFUND_FLOOR = "E_PREFUND_FLOOR"
    E_NOT_CLEARED = "E_NOT_CLEARED"
    E_FILING_NOT_NEEDED = "E_FILING_NOT_NEEDED"
    E_OUTSTANDING = "E_OUTSTANDING"
    E_NOT_FOUND = "E_NOT_FOUND"
    E_REFUSED = "E_REFUSED"
    E_SCENARIO_FILE = "E_SCENARIO_FILE"
    E_SCENARIO_PARSE = "E_SCENARIO_PARSE"
    E_SCENARIO_DEPTH = "E_SCENARIO_DEPTH"
    E_UNKNOWN_KEY = "E_UNKNOWN_KEY"
    E_RANGE = "E_RANGE"
    E_REGION_REF = "E_REGION_REF"
    E_FAULT_WINDOW = "E_FAULT_WINDOW"
    E_NAME = "E_NAME"
    E_SEED = "E_SEED"
    E_EVENT = "E_EVENT"
    E_TOO_MANY_EVENTS = "E_TOO_MANY_EVENTS"
    E_SCENARIO_VERSION = "E_SCENARIO_VERSION"
    E_REFERENCE = "E_REFERENCE"
    E_EXPRESSION = "E_EXPRESSION"
    E_MISSING_KEY = "E_MISSING_KEY"
    E_TYPE = "E_TYPE"
    E_JOURNAL_CORRUPT = "E_JOURNAL_CORRUPT"
    E_FORMAT = "E_FORMAT"
    E_LOCKED = "E_LOCKED"
    E_STORAGE_FULL = "E_STORAGE_FULL"
    E_OUTPUT = "E_OUTPUT"
    E_PORT_IN_USE = "E_PORT_IN_USE"
    E_ENGINE = "E_ENGINE"
    E_CONNECTION = "E_CONNECTION"
    E_DELIVERY_TIMEOUT = "E_DELIVERY_TIMEOUT"
    E_TOPIC = "E_TOPIC"
    E_QOS = "E_QOS"
    E_RETAINED = "E_RETAINED"
    E_SESSION_TAKEN = "E_SESSION_TAKEN"
    E_STREAM_CONFIG = "E_STREAM_CONFIG"
    E_DEAD_LETTER = "E_DEAD_LETTER"
    E_DENIED = "E_DENIED"
    E_RUN_UNKNOWN = "E_RUN_UNKNOWN"
    E_CASE_UNKNOWN = "E_CASE_UNKNOWN"
    E_BUNDLE = "E_BUNDLE"
    E_BODY_TOO_LARGE = "E_BODY_TOO_LARGE"
    E_CONTENT_TYPE = "E_CONTENT_TYPE"
    E_ROUTE = "E_ROUTE"
    E_METHOD = "E_METHOD"
    E_AUTH = "E_AUTH"
    E_FORBIDDEN = "E_FORBIDDEN"
    E_REQUEST_TIMEOUT = "E_REQUEST_TIMEOUT"
    E_HTTP = "E_HTTP"
    E_RATE = "E_RATE"
    E_HOST = "E_HOST"
    E_SHUTTING_DOWN = "E_SHUTTING_DOWN"
    E_ALGORITHM = "E_ALGORITHM"
    E_ORIGIN = "E_ORIGIN"
    E_CHAOS_OFF = "E_CHAOS_OFF"
    E_NOT_PENDING = "E_NOT_PENDING"
    E_PARAM = "E_PARAM"
    E_CONTROL = "E_CONTROL"


class ErrorEntry(msgspec.Struct, frozen=True, kw_only=True):
    """What the registry knows of one code."""

    number: int
    code: ErrorCode
    zh: str
    en: str
    source: str
    """Where the condition is described."""
    definite: bool
    """Whether the operation certainly did not take effect."""


def _row(
    number: int, code: ErrorCode, zh: str, en: str, source: str, *, definite: bool = True
) -> ErrorEntry:
    return ErrorEntry(number=number, code=code, zh=zh, en=en, source=source, definite=definite)


ERRORS: tuple[ErrorEntry, ...] = (
    _row(1000, ErrorCode.E_INTERNAL, "内部错误，请附种子与日志位置报告", "An error of our own; report it with the seed and the journal position.", "yidi", definite=False),
    _row(1101, ErrorCode.E_FRAME_EMPTY, "报文为空", "The frame is empty.", "bad-input W01"),
    _row(1102, ErrorCode.E_FRAME_TOO_LARGE, "报文超过长度上限", "The frame is larger than the limit.", "bad-input W02"),
    _row(1103, ErrorCode.E_FRAME_MAGIC, "报文起始标识不符", "The frame does not begin with the magic bytes.", "bad-input W04"),
    _row(1104, ErrorCode.E_FRAME_VERSION, "报文版本不支持", "The frame's version is not supported.", "bad-input W04"),
    _row(1105, ErrorCode.E_FRAME_CRC, "报文校验和不符", "The frame's checksum does not match its bytes.", "bad-input W05"),
    _row(1106, ErrorCode.E_DECODE, "报文无法解码", "The document cannot be decoded.", "bad-input W06-W11"),
    _row(1107, ErrorCode.E_INFNO_UNKNOWN, "交易编号未知", "The transaction number is not known.", "bad-input W12"),
    _row(1108, ErrorCode.E_UNKNOWN_FIELD, "含有未定义的字段", "The document has a field that is not defined.", "bad-input W13"),
    _row(1109, ErrorCode.E_MISSING_FIELD, "缺少必填字段", "A required field is missing.", "bad-input W14"),
    _row(1110, ErrorCode.E_DUPLICATE_KEY, "同一字段出现两次", "A field occurs twice in one object.", "bad-input W15"),
    _row(1111, ErrorCode.E_AMOUNT, "金额格式不符", "The amount is not of the required form.", "bad-input W16, S13"),
    _row(1112, ErrorCode.E_SPLIT, "费用拆分之和不等于总额", "The parts do not add up to the total.", "bad-input W17"),
    _row(1113, ErrorCode.E_IDCARD, "证件号码不合规", "The identity number is not valid.", "bad-input W18"),
    _row(1114, ErrorCode.E_REGION, "医保区划不合规或未知", "The region code is not valid, or not known here.", "bad-input W19"),
    _row(1115, ErrorCode.E_KEY_FORMAT, "业务键格式不符", "The key is not of the required form.", "bad-input W20"),
    _row(1116, ErrorCode.E_DATE, "日期不合规", "The date is not valid.", "bad-input W21"),
    _row(1117, ErrorCode.E_CLOCK_SKEW, "发送方时钟偏差过大", "The sender's clock is too far from the hub's.", "bad-input W22"),
    _row(1118, ErrorCode.E_TOO_MANY_ITEMS, "明细条数超限", "There are more items than one message may hold.", "bad-input W25"),
    _row(1119, ErrorCode.E_ITEM_SUM, "明细金额不平", "An item's quantity times price, or the sum of the items, does not match.", "bad-input W26"),
    _row(1120, ErrorCode.E_SEQ_GAP, "链路序号不连续", "The link sequence has a gap.", "bad-input W28"),
    _row(1121, ErrorCode.E_UNMATCHED, "应答没有对应的请求", "The answer belongs to no request that was sent.", "bad-input W29"),
    _row(1122, ErrorCode.E_REVERSAL_MISMATCH, "冲正与原交易不符", "The reversal does not match the original transaction.", "bad-input W30"),
    _row(1123, ErrorCode.E_CODE, "代码值不在字典内", "The code is not in its dictionary.", "data README"),
    _row(1124, ErrorCode.E_NOT_MINE, "报文不属于本节点", "The message is addressed to another node.", "faults MF9"),
    _row(1125, ErrorCode.E_STALE, "报文已超过保存期", "The message is older than the retention.", "faults MF8"),
    _row(1126, ErrorCode.E_SIG_MISSING, "缺少签名", "The signature is missing.", "bad-input W23"),
    _row(1127, ErrorCode.E_SIG_FORMAT, "签名格式不符", "The signature is not of the required form.", "bad-input W23"),
    _row(1128, ErrorCode.E_SIG_BAD, "验签失败", "The signature does not verify.", "bad-input W23"),
    _row(1129, ErrorCode.E_SIG_REVOKED, "签名密钥已吊销", "The signing key has been revoked.", "bad-input W23"),
    _row(1130, ErrorCode.E_SIG_ALG, "签名算法不允许", "The signature algorithm is not allowed.", "bad-input W23"),
    _row(1131, ErrorCode.E_SENDER_MISMATCH, "发送方与签名方不一致", "The sender is not the party that signed.", "bad-input W24"),
    _row(1132, ErrorCode.E_DECOMPRESS_LIMIT, "解压后超过上限", "The document grows beyond the limit when decompressed.", "bad-input W27"),
    _row(2001, ErrorCode.E_NO_POLICY, "参保地没有适用的待遇政策", "The insured region has no policy for this insurance type, visit, level or date.", "data README"),
    _row(2002, ErrorCode.E_NO_FILING, "没有有效的异地就医备案", "There is no valid remote filing.", "data README; domain 2"),
    _row(2003, ErrorCode.E_SCOPE, "目录外金额超过费用总额", "More is excluded from scope than was billed.", "data README BEN-01"),
    _row(2004, ErrorCode.E_FILING_AREA, "备案地与就医地不符", "The filing names another place than the place of treatment.", "domain 10 no. 2"),
    _row(2005, ErrorCode.E_FILING_EXPIRED, "备案不在有效期内", "The filing is not valid on the day of the visit.", "domain 2"),
    _row(2006, ErrorCode.E_FILING_REFUSED, "备案申请不予通过", "The filing was not approved.", "domain 2"),
    _row(2007, ErrorCode.E_BUSINESS_NOT_OPENED, "定点机构未开通该业务的跨省联网", "The institution has not opened this business type for cross-region settlement.", "domain 3.6"),
    _row(2008, ErrorCode.E_INSURANCE_SUSPENDED, "参保状态暂停", "The person's insurance is suspended.", "domain 10 no. 4"),
    _row(2009, ErrorCode.E_PERSON_UNKNOWN, "参保地无该人员有效参保信息", "The insured region has no such insured person.", "interface (g)"),
    _row(2010, ErrorCode.E_PERSON_MISMATCH, "人证不一致", "The person and the certificate do not match.", "interface (g)"),
    _row(2011, ErrorCode.E_INSTITUTION_UNKNOWN, "定点机构不存在", "There is no such designated institution.", "interface (g)"),
    _row(2012, ErrorCode.E_VISIT_UNKNOWN, "未查到就诊登记", "There is no such visit.", "interface (g)"),
    _row(2013, ErrorCode.E_ALREADY_ADMITTED, "已入院登记，不可重复", "The person is already admitted.", "interface (g)"),
    _row(2014, ErrorCode.E_IN_HOSPITAL, "尚未办理出院，不能结算", "The person is still in hospital.", "interface (g)"),
    _row(2015, ErrorCode.E_FEES_MISSING, "未上传费用明细", "No fee items were uploaded.", "interface (g)"),
    _row(2016, ErrorCode.E_TOTAL_MISMATCH, "医疗总费用与已上传费用不相等", "The billed total differs from the uploaded items.", "interface (g)"),
    _row(2017, ErrorCode.E_ALREADY_SETTLED, "该结算单元已结算", "This settlement unit is already settled.", "interface (g)"),
    _row(2018, ErrorCode.E_NOT_SETTLED, "未结算，不能撤销", "There is no settlement to cancel.", "interface (g)"),
    _row(2019, ErrorCode.E_CLEARED, "结算已纳入清算，不可撤销", "The settlement has been cleared and cannot be taken back.", "domain 3.4"),
    _row(2020, ErrorCode.E_REVERSED, "交易已冲正", "The transaction was reversed before it arrived.", "faults 1.5"),
    _row(2021, ErrorCode.E_KEY_REUSED, "同一业务键内容不同", "The key was used before with other content.", "faults 1.3"),
    _row(2022, ErrorCode.E_BUSY, "系统繁忙，请稍后再试", "The queue is full; try again later.", "faults INV-37"),
    _row(2023, ErrorCode.E_TIMEOUT, "参保地在时限内未应答，结果未知", "The insured region did not answer in time; the outcome is unknown.", "faults 1.4", definite=False),
    _row(2024, ErrorCode.E_CHRONIC_CODE, "病种不在跨省慢特病范围", "The disease is not on the cross-region chronic list.", "domain 3.5"),
    _row(2025, ErrorCode.E_CHRONIC_NOT_REGISTERED, "慢特病未认定", "The person is not registered for this chronic disease.", "domain 3.5"),
    _row(2026, ErrorCode.E_REFERRAL_LIST, "病种不在转诊备案清单", "The disease is not on the insured region's referral list.", "SEED-SQ"),
    _row(2027, ErrorCode.E_FEES_UPLOADED, "已上传费用，不能撤销登记", "Fees were uploaded; the registration cannot be undone.", "interface (g)"),
    _row(2029, ErrorCode.E_IN_DOUBT, "该结算结果未知，正在查询", "The outcome is unknown and being asked for.", "design 1", definite=False),
    _row(2030, ErrorCode.E_PERIOD_NOT_CLOSED, "清算期间尚未结束", "The clearing period has not ended.", "faults OF2"),
    _row(2031, ErrorCode.E_RECON_OPEN, "对账差异未处理完", "Reconciliation differences are still open.", "faults OF2"),
    _row(2032, ErrorCode.E_DAY, "会计日不连续", "The accounting day does not follow the current one.", "design 1"),
    _row(2033, ErrorCode.E_ROLE, "操作员无此权限", "The operator has no right to this command.", "faults SEC-05"),
    _row(2034, ErrorCode.E_CLEARING_MISMATCH, "清算表与本方账不符", "The clearing table differs from the own books.", "domain 5.4"),
    _row(2035, ErrorCode.E_BATCH_UNKNOWN, "清算批次不存在", "There is no such clearing batch.", "domain 5.4"),
    _row(2036, ErrorCode.E_PAYMENT_FAILED, "财政支付失败", "The payment failed at finance.", "domain 5.1 state 9"),
    _row(2037, ErrorCode.E_PREFUND_FLOOR, "预付金不足", "The prefund would fall below its floor.", "faults INV-21"),
    _row(2038, ErrorCode.E_NOT_CLEARED, "未清算，不能调整", "Only a cleared case is corrected by an adjustment.", "faults INV-20"),
    _row(2039, ErrorCode.E_FILING_NOT_NEEDED, "该情形无需备案", "This visit needs no filing.", "domain 2.4"),
    _row(2040, ErrorCode.E_OUTSTANDING, "仍有未完成的结算", "A settlement of this visit is still open.", "design 1"),
    _row(2041, ErrorCode.E_NOT_FOUND, "没有该文件或记录", "There is no such file or record.", "bad-input H13"),
    _row(2042, ErrorCode.E_REFUSED, "对方拒绝，原因见其原文", "The other side refused; its own words say why.", "interface (a)"),
    _row(3001, ErrorCode.E_SCENARIO_FILE, "场景文件不可读", "The scenario file cannot be read.", "bad-input S01"),
    _row(3002, ErrorCode.E_SCENARIO_PARSE, "场景文件语法错误", "The scenario file does not parse.", "bad-input S02, S04"),
    _row(3003, ErrorCode.E_SCENARIO_DEPTH, "场景文件嵌套过深", "The scenario file is nested too deeply.", "bad-input S03"),
    _row(3004, ErrorCode.E_UNKNOWN_KEY, "未知的键", "The key is not known.", "bad-input S05"),
    _row(3005, ErrorCode.E_RANGE, "数值超出范围", "The value is out of range.", "bad-input S06, S08"),
    _row(3006, ErrorCode.E_REGION_REF, "引用了未定义的区划", "A region is referenced that is not defined.", "bad-input S07"),
    _row(3007, ErrorCode.E_FAULT_WINDOW, "故障窗口不成立", "The fault's window is not valid.", "bad-input S09"),
    _row(3008, ErrorCode.E_NAME, "名称含有不允许的字符", "The name has characters that are not allowed.", "bad-input S12"),
    _row(3009, ErrorCode.E_SEED, "种子不合规", "The seed is not valid.", "bad-input S14"),
    _row(3010, ErrorCode.E_EVENT, "事件不合规", "The event is not valid.", "bad-input S15"),
    _row(3011, ErrorCode.E_TOO_MANY_EVENTS, "事件数量超限", "There would be too many events.", "bad-input S15"),
    _row(3012, ErrorCode.E_SCENARIO_VERSION, "场景文件版本不支持", "The scenario's schema version is not supported.", "bad-input S16"),
    _row(3013, ErrorCode.E_REFERENCE, "引用的对象不存在", "Something is referenced that does not exist.", "scenario files"),
    _row(3014, ErrorCode.E_EXPRESSION, "表达式不成立", "The expression is not valid.", "scenario files"),
    _row(3015, ErrorCode.E_MISSING_KEY, "缺少必填的键", "A required key is missing.", "scenario files"),
    _row(3016, ErrorCode.E_TYPE, "值的类型不符", "The value is not of the required type.", "scenario files"),
    _row(4001, ErrorCode.E_JOURNAL_CORRUPT, "日志损坏", "The journal is corrupt.", "faults NF8"),
    _row(4002, ErrorCode.E_FORMAT, "数据格式版本不支持", "The data format's version is not supported.", "faults NF17"),
    _row(4003, ErrorCode.E_LOCKED, "数据目录被占用", "The data directory is in use.", "faults NF16"),
    _row(4004, ErrorCode.E_STORAGE_FULL, "存储空间不足", "The storage is full.", "faults NF11"),
    _row(4005, ErrorCode.E_OUTPUT, "输出路径不可用", "The output path cannot be used.", "bad-input C03"),
    _row(4006, ErrorCode.E_PORT_IN_USE, "端口被占用", "The port is in use.", "bad-input C04"),
    _row(4007, ErrorCode.E_RUN_UNKNOWN, "找不到该次运行", "There is no such run.", "command line"),
    _row(4008, ErrorCode.E_CASE_UNKNOWN, "找不到该案例", "There is no such case.", "command line"),
    _row(4009, ErrorCode.E_BUNDLE, "运行结果文件不完整", "The bundle is not complete.", "command line"),
    _row(4101, ErrorCode.E_ENGINE, "消息引擎不可用", "The engine cannot be had.", "design 3"),
    _row(4102, ErrorCode.E_CONNECTION, "与消息引擎的连接中断", "The connection to the engine is lost.", "faults BF1", definite=False),
    _row(4103, ErrorCode.E_DELIVERY_TIMEOUT, "消息引擎未在时限内确认", "The engine did not confirm a message in time.", "faults BF2", definite=False),
    _row(4104, ErrorCode.E_TOPIC, "主题名称不合规", "The topic is not valid.", "bad-input M05"),
    _row(4105, ErrorCode.E_QOS, "消息服务质量等级过低", "The quality of service is too low.", "bad-input M04"),
    _row(4106, ErrorCode.E_RETAINED, "不接受保留消息", "Retained messages are ignored.", "bad-input M03"),
    _row(4107, ErrorCode.E_SESSION_TAKEN, "会话被另一进程接管", "Another process took over the session.", "bad-input M07"),
    _row(4108, ErrorCode.E_STREAM_CONFIG, "消息流配置不符", "The stream is not configured as required.", "bad-input N02"),
    _row(4109, ErrorCode.E_DEAD_LETTER, "消息多次投递失败，转入死信", "A message failed every delivery and is set aside.", "bad-input N04"),
    _row(4110, ErrorCode.E_DENIED, "消息引擎不允许该操作", "The engine does not allow this.", "bad-input N01"),
    _row(4201, ErrorCode.E_BODY_TOO_LARGE, "请求体超过长度上限", "The request's body is larger than the limit.", "bad-input H01"),
    _row(4202, ErrorCode.E_CONTENT_TYPE, "请求的内容类型或编码不支持", "The content type or encoding of the request is not supported.", "bad-input H02"),
    _row(4203, ErrorCode.E_ROUTE, "没有该接口地址", "There is no such route.", "bad-input H04"),
    _row(4204, ErrorCode.E_METHOD, "该接口不支持此请求方法", "The route does not take this method.", "bad-input H04"),
    _row(4205, ErrorCode.E_AUTH, "缺少或错误的访问凭证", "The access token is missing, wrong or expired.", "bad-input H05"),
    _row(4206, ErrorCode.E_FORBIDDEN, "凭证无权代表该机构", "The access token does not speak for this institution.", "bad-input H05"),
    _row(4207, ErrorCode.E_REQUEST_TIMEOUT, "请求未在时限内发完", "The request was not sent in time.", "bad-input H09"),
    _row(4208, ErrorCode.E_HTTP, "HTTP 请求不合规", "The HTTP request is malformed.", "bad-input H10"),
    _row(4209, ErrorCode.E_RATE, "请求过于频繁", "There are too many requests.", "bad-input H12"),
    _row(4210, ErrorCode.E_HOST, "Host 请求头不被接受", "The Host header is not accepted.", "bad-input H16"),
    _row(4211, ErrorCode.E_SHUTTING_DOWN, "服务正在停止", "The service is shutting down.", "bad-input H20"),
    _row(4221, ErrorCode.E_ORIGIN, "请求来自其他网页，不被接受", "The request comes from another web page.", "bad-input K03"),
    _row(4222, ErrorCode.E_CHAOS_OFF, "网络启动时未加 --allow-chaos，不能干预", "The network was not started with --allow-chaos.", "bad-input K08"),
    _row(4223, ErrorCode.E_NOT_PENDING, "没有该条待处理报文", "No such message waits for a decision.", "docs/control.md"),
    _row(4224, ErrorCode.E_PARAM, "参数不合规", "The parameter is not valid.", "bad-input H14"),
    _row(4225, ErrorCode.E_CONTROL, "无法连接网关的测试控制接口", "The gateway's control surface cannot be reached.", "docs/control.md"),
    _row(4301, ErrorCode.E_ALGORITHM, "本机缺少所需的国密算法", "This machine lacks a required algorithm.", "interface (h)"),
)

BY_CODE: dict[ErrorCode, ErrorEntry] = {entry.code: entry for entry in ERRORS}
_DEFINITE = frozenset(entry.code for entry in ERRORS if entry.definite)
_INDEFINITE = frozenset(entry.code for entry in ERRORS if not entry.definite)


def is_definite(code: str) -> bool:
    """Whether a refusal says for certain that nothing took effect; unknown codes do not."""
    return code in _DEFINITE


def is_refusal(code: str) -> bool:
    """Whether whoever asked may take a refusal for one, since its code does not leave it open.

    Somebody's own node refuses by codes of its own, and the national interface by none.
    """
    return code not in _INDEFINITE
