"""A chain as a sequence diagram: own SVG, nothing fetched, nothing run.

Time goes down, parties stand side by side, a message is an arrow with its name above it. Both
languages stand in the picture. What was lost ends in a cross, resends are drawn thinner, and a
long silence is a gap rather than empty paper. Every text is escaped.
"""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

from yidi.protocol.instants import HOUR, MINUTE, SECOND, local_text
from yidi.protocol.messages import CancellationResult, Rejection, SettlementResult
from yidi.protocol.money import yuan
from yidi.protocol.transactions import CATALOGUE, Kind
from yidi.scenarios.judging.chain import Chain, Hop, Mark
from yidi.scenarios.judging.party_names import PartyNames

LANE_WIDTH, ROW_HEIGHT, TOP, SIDE = 260, 54, 120, 130
GAP_HEIGHT = 26
SILENCE = MINUTE
"""A longer pause between two messages is drawn as a gap."""
ROLE_ORDER = ("person", "operator", "institution", "treatment", "hub", "insured", "province")
FONT = "'Noto Sans CJK SC','PingFang SC','Microsoft YaHei','Source Han Sans SC',sans-serif"
STYLE = (
    "text{font-family:" + FONT + ";fill:#17212b}"
    ".lane{stroke:#b9c4cf;stroke-width:2;stroke-dasharray:2 6}"
    ".party{fill:#eef3f7;stroke:#8fa3b5;stroke-width:1.5}"
    ".zh{font-size:15px;font-weight:600}.en{font-size:12px;fill:#4a5b6a}"
    ".name{font-size:17px;font-weight:700}.small{font-size:12px;fill:#4a5b6a}"
    ".request{stroke:#0b63a5}.result{stroke:#1b7f4b}.rejection{stroke:#b3261e}"
    ".lost{stroke:#b3261e;stroke-dasharray:7 5}.again{stroke-width:1.6}"
    ".arrow{stroke-width:2.6;fill:none}.title{font-size:22px;font-weight:700}"
    ".number{font-size:14px;font-weight:700;fill:#fff}"
    ".gap{stroke:#b9c4cf;stroke-dasharray:1 5}.money{font-weight:700;fill:#7a4b00}"
)
_KIND = {Kind.REQUEST: "request", Kind.RESULT: "result", Kind.REJECTION: "rejection"}
_COLOURS = {"request": "#0b63a5", "result": "#1b7f4b", "rejection": "#b3261e"}
_MARKS = {
    Mark.RESEND: ("重发", "again"),
    Mark.DUPLICATE: ("重复到达", "second copy"),
    Mark.REPEATED: ("同一答复", "the same answer"),
    Mark.LOST: ("丢失", "lost"),
}


def lanes_of(hops: Sequence[Hop]) -> list[str]:
    """The parties of a picture, from the counter to the insured region's province."""
    found = dict.fromkeys(end for hop in hops for end in (hop.sender, hop.recipient))
    order = {role: number for number, role in enumerate(ROLE_ORDER)}
    return sorted(found, key=lambda one: (order.get(one.partition(":")[0], 9), one))


def sequence_svg(
    chain: Chain,
    names: PartyNames,
    chosen: Sequence[int] | None = None,
    title: str = "",
    numbers: Sequence[int] = (),
) -> str:
    """The picture of a chain, or of some of its hops by index.

    Args:
        chain: the case.
        names: of its parties.
        chosen: hops to draw; all by default.
        title: above the picture; default the case and the person.
        numbers: a number for each hop drawn, such as its step.
    """
    hops = [chain.hops[i] for i in chosen] if chosen is not None else list(chain.hops)
    lanes = lanes_of(hops)
    at = {lane: SIDE + LANE_WIDTH * number for number, lane in enumerate(lanes)}
    rows, height = _rows(hops, at, numbers)
    width = 2 * SIDE + LANE_WIDTH * max(len(lanes) - 1, 1)
    heads = [_head(at[lane], names, lane, height) for lane in lanes]
    said = title or _title(chain, names)
    size = f'viewBox="0 0 {width} {height + 30}" width="{width}" height="{height + 30}"'
    return "\n".join(
        [
            f'<svg xmlns="http://www.w3.org/2000/svg" {size} role="img">',
            f"<title>{escape(said)}</title><style>{STYLE}</style>",
            f'<rect width="{width}" height="{height + 30}" fill="#ffffff"/>',
            "<defs>" + "".join(_marker(kind, fill) for kind, fill in _COLOURS.items()) + "</defs>",
            f'<text class="title" x="24" y="36">{escape(said)}</text>',
            *heads,
            *rows,
            "</svg>\n",
        ]
    )


def _title(chain: Chain, names: PartyNames) -> str:
    chosen = chain.selection
    person = names.person(chosen.person_no, "zh")
    return f"{chosen.case_id or chosen.name} · {person}"


def _marker(kind: str, colour: str) -> str:
    return (
        f'<marker id="{kind}" viewBox="0 0 10 10" refX="9" refY="5" markerWidth="7" '
        f'markerHeight="7" orient="auto-start-reverse"><path d="M0 0L10 5L0 10z" '
        f'fill="{colour}"/></marker>'
    )


def _head(x: int, names: PartyNames, lane: str, height: int) -> str:
    zh, en = names.short(lane, "zh"), names.short(lane, "en")
    code = lane.partition(":")[2].partition("/")[0]
    lines = [_cut(zh, 13), _cut(code if en == zh else f"{en} {code}", 42)]
    return (
        f'<line class="lane" x1="{x}" y1="{TOP - 10}" x2="{x}" y2="{height}"/>'
        f'<rect class="party" x="{x - 118}" y="{TOP - 66}" width="236" height="54" rx="8"/>'
        f'<text class="name" x="{x}" y="{TOP - 42}" text-anchor="middle">{escape(lines[0])}</text>'
        f'<text class="en" x="{x}" y="{TOP - 22}" text-anchor="middle">{escape(lines[1])}</text>'
    )


def _rows(hops: Sequence[Hop], at: dict[str, int], numbers: Sequence[int]) -> tuple[list[str], int]:
    rows: list[str] = []
    y, before = TOP + 36, None
    for index, hop in enumerate(hops):
        pause = hop.at - before if before is not None else 0
        if pause >= SILENCE:
            rows.append(_gap(y - 18, at, pause))
            y += GAP_HEIGHT
        rows.append(_row(hop, at, y))
        if index < len(numbers):
            rows.append(_number(at[hop.sender], y, numbers[index]))
        y += ROW_HEIGHT
        before = hop.at
    return rows, y


def _number(x: int, y: int, number: int) -> str:
    return (
        f'<circle cx="{x}" cy="{y}" r="12" fill="#17212b"/>'
        f'<text class="number" x="{x}" y="{y + 5}" text-anchor="middle">{number}</text>'
    )


def _gap(y: int, at: dict[str, int], pause: int) -> str:
    left, right = min(at.values()) - 90, max(at.values()) + 90
    return (
        f'<line class="gap" x1="{left}" y1="{y}" x2="{right}" y2="{y}"/>'
        f'<text class="small" x="{left}" y="{y - 4}">{pause_text(pause)}</text>'
    )


def pause_text(pause: int) -> str:
    """A silence in round words: `5 min`, `3 h`, `12 d`."""
    for unit, name in ((24 * HOUR, "d"), (HOUR, "h"), (MINUTE, "min"), (SECOND, "s")):
        if pause >= unit:
            return f"… {pause // unit} {name} …"
    return ""


def _row(hop: Hop, at: dict[str, int], y: int) -> str:
    x1, x2 = at[hop.sender], at[hop.recipient]
    if hop.origin is None:
        clock = local_text(hop.at)[11:]
        return (
            f'<circle cx="{x1}" cy="{y}" r="9" fill="#fff4d6" stroke="#7a4b00"/>'
            f'<text class="zh" x="{x1 + 16}" y="{y + 1}">{clock} 时限到</text>'
            f'<text class="en" x="{x1 + 16}" y="{y + 15}">a deadline fires</text>'
        )
    kind = _KIND[Kind(hop.kind)]
    zh, en = _label(hop)
    middle = (x1 + x2) // 2
    classes = f"arrow {kind}" + (" lost" if hop.mark is Mark.LOST else "")
    classes += " again" if hop.mark not in (Mark.FIRST, Mark.LOST) else ""
    end = x2 - 3 if x2 > x1 else x2 + 3
    if hop.mark is Mark.LOST:
        end = x1 + (x2 - x1) * 2 // 3
    cross = (
        f'<path class="arrow rejection" d="M{end - 7} {y - 7}l14 14m0 -14l-14 14"/>'
        if hop.mark is Mark.LOST
        else ""
    )
    arrow = "" if cross else f' marker-end="url(#{kind})"'
    return (
        f'<text class="zh" x="{middle}" y="{y - 24}" text-anchor="middle">{escape(zh)}</text>'
        f'<text class="en" x="{middle}" y="{y - 10}" text-anchor="middle">{escape(en)}</text>'
        f'<line class="{classes}" x1="{x1}" y1="{y}" x2="{end}" y2="{y}"{arrow}/>{cross}'
    )


def _label(hop: Hop) -> tuple[str, str]:
    row = CATALOGUE[hop.transaction]
    zh, en = f"{row.zh} {row.code}", row.en
    body = hop.body
    if isinstance(body, Rejection):
        zh, en = f"{zh} ✕ {body.code}", f"{en} refused"
    elif isinstance(body, SettlementResult):
        zh += f" 基金 {yuan(body.fund_fen)}"
        en += f", cash {yuan(body.cash_fen + body.account_fen)}"
    elif isinstance(body, CancellationResult):
        zh += f" 退 {yuan(body.fund_fen)}"
    elif hop.kind == Kind.RESULT:
        zh, en = f"{zh} ✓", f"{en}: answer"
    if hop.mark in _MARKS:
        mark = _MARKS[hop.mark]
        zh, en = f"{zh}（{mark[0]}）", f"{en} ({mark[1]})"
    return zh, en


def _cut(text: str, limit: int) -> str:
    return text if len(text) <= limit else text[: limit - 1] + "…"
