"use strict";
// Steps through the cases of one run. Data comes from the block #data; every text reaches the
// page through textContent, so that no name can become markup. The fragment holds where one is.
(() => {
  const data = JSON.parse(document.getElementById("data").textContent);
  const $ = (id) => document.getElementById(id);
  const SVG = "http://www.w3.org/2000/svg";
  // The picture is drawn in CSS pixels and grows with the page's type.
  const EM = () => Number.parseFloat(getComputedStyle(document.documentElement).fontSize);
  const still = matchMedia("(prefers-reduced-motion: reduce)");
  const at = { lang: data.language, chosen: 0, step: 0 };
  let timer = 0;

  const say = (pair) => pair[at.lang === "zh" ? 0 : 1];
  const yuan = (fen) => {
    const sign = fen < 0 ? "-" : "";
    const whole = Math.floor(Math.abs(fen) / 100).toString().replace(/\B(?=(\d{3})+$)/g, ",");
    return sign + whole + "." + String(Math.abs(fen) % 100).padStart(2, "0");
  };
  const make = (name, parent, text) => {
    const element = document.createElement(name);
    if (text !== undefined) element.textContent = text;
    if (parent) parent.append(element);
    return element;
  };
  const draw = (name, parent, attributes, text) => {
    const element = document.createElementNS(SVG, name);
    for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
    if (text !== undefined) element.textContent = text;
    parent.append(element);
    return element;
  };
  const theCase = () => data.cases[at.chosen];
  const words = { zh: (zh, _en) => zh, en: (_zh, en) => en };
  const tell = (zh, en) => words[at.lang](zh, en);

  // --- Where one is ------------------------------------------------------------------------

  const readFragment = () => {
    const asked = new URLSearchParams(location.hash.slice(1));
    if (["zh", "en"].includes(asked.get("lang"))) at.lang = asked.get("lang");
    const named = data.cases.findIndex((one) => one.id === asked.get("case"));
    if (named >= 0) at.chosen = named;
    const step = Number.parseInt(asked.get("step") || "", 10);
    if (Number.isFinite(step)) at.step = step - 1;
    else if (named >= 0 || !asked.has("case")) at.step = startOf(theCase());
    clamp();
  };
  const startOf = (one) => {
    const bad = one ? one.steps.findIndex((step) => data.failing.includes(step.id)) : -1;
    return bad >= 0 ? bad : 0;
  };
  const clamp = () => {
    const count = data.cases.length ? theCase().steps.length : 0;
    at.step = Math.max(0, Math.min(at.step, count - 1));
  };
  const writeFragment = () => {
    const where = new URLSearchParams({ case: theCase().id, step: at.step + 1, lang: at.lang });
    history.replaceState(null, "", "#" + where);
  };

  // --- The picture -------------------------------------------------------------------------

  const drawHeads = (step) => {
    const heads = $("heads");
    heads.replaceChildren();
    theCase().lanes.forEach((lane, index) => {
      const head = make("div", heads);
      head.className = "head" + ([step.from, step.to].includes(index) ? " on" : "");
      make("b", head, say(lane.head));
      make("i", head, say(lane.foot)).title = say(lane.foot);
      const state = step.states[["", "treatment", "hub", "insured"][index]];
      const badge = make("span", head, state ? say(data.states[state] || [state, state]) : "");
      badge.className = "state " + (state || "");
      if (!state) badge.style.visibility = "hidden";
    });
  };
  const drawMessages = () => {
    const picture = $("picture");
    const width = Math.max($("messages").clientWidth, 320);
    const x = (lane) => ((lane + 0.5) * width) / 4;
    const steps = theCase().steps;
    const em = EM();
    const row = 2.9 * em;
    const height = steps.length * row + 1.5 * em;
    picture.replaceChildren();
    picture.setAttribute("viewBox", `0 0 ${width} ${height}`);
    picture.setAttribute("height", height);
    picture.setAttribute("aria-label", tell("报文时序", "sequence of messages"));
    for (let lane = 0; lane < 4; lane += 1)
      draw("line", picture, { class: "lane", x1: x(lane), x2: x(lane), y1: 0, y2: height });
    steps.forEach((step, index) => drawRow(picture, step, index, x, { em, row, width }));
  };
  const drawRow = (picture, step, index, x, { em, row, width }) => {
    const when = index < at.step ? "past" : index > at.step ? "future" : "now";
    const y = index * row + 2.1 * em;
    const group = draw("g", picture, { class: `row ${when}` });
    const failing = data.failing.includes(step.id);
    const band = failing ? "failing" : when === "now" ? "band" : "blank";
    const top = y - 1.85 * em;
    draw("rect", group, { class: band, x: 0, y: top, width, height: row - 2 });
    group.addEventListener("click", () => go(index));
    draw("text", group, { class: "small", x: 5, y: y + 0.25 * em }, String(index + 1));
    if (step.kind === "deadline") {
      const centre = x(step.from);
      draw("circle", group, { class: "clock", cx: centre, cy: y - 0.2 * em, r: 0.55 * em });
      draw("text", group, { x: centre + em, y: y + 0.1 * em }, say(step.says.title));
      return;
    }
    drawArrow(group, step, x(step.from), x(step.to), y, em);
  };
  const drawArrow = (row, step, from, to, y, em) => {
    if (from === to) {
      draw("circle", row, { class: `tip tip-${step.kind}`, cx: from, cy: y, r: 0.4 * em });
    } else {
      const way = to > from ? 1 : -1;
      const end = step.lost ? from + (to - from) * 0.6 : to - way * 0.6 * em;
      const lost = step.lost ? " lost" : "";
      const line = { class: `arrow ${step.kind}${lost}`, x1: from, x2: end, y1: y, y2: y };
      draw("line", row, line);
      const half = 0.42 * em;
      const tip = step.lost
        ? `M${end - half} ${y - half}l${2 * half} ${2 * half}m0 ${-2 * half}l${-2 * half} ${2 * half}`
        : `M${to} ${y}l${-way * 0.8 * em} ${-half}v${2 * half}z`;
      const shape = step.lost ? "arrow rejection" : `tip tip-${step.kind}`;
      draw("path", row, { class: shape, d: tip });
    }
    const signs = { request: "", result: " ✓", rejection: " ✕" };
    const again = step.again ? tell("（再次）", " (again)") : "";
    const lost = step.lost ? tell("（丢失）", " (lost)") : "";
    const short = say(step.says.title).replace(/ (请求|应答|拒绝|request|answer|refusal)$/, "");
    const label = short + signs[step.kind] + again + lost;
    draw("text", row, { x: (from + to) / 2, y: y - 0.6 * em, "text-anchor": "middle" }, label);
  };
  const keepInView = (gently) => {
    const box = $("messages");
    const top = (at.step * 2.9 + 2.1) * EM() - box.clientHeight * 0.55;
    const behavior = gently && !still.matches ? "smooth" : "instant";
    box.scrollTo({ top: Math.max(0, top), behavior });
  };

  // --- The money ---------------------------------------------------------------------------

  const drawMoney = (shot) => {
    const bar = $("bar");
    const legend = $("legend");
    bar.replaceChildren();
    legend.replaceChildren();
    bar.className = shot.phase;
    $("phase").className = shot.phase;
    $("phase").textContent = say(data.phases[shot.phase]);
    const spoken = [];
    for (const part of shot.parts) {
      const kind = part.kind === "bill" ? "bill-part" : part.kind;
      const share = shot.total_fen ? part.fen / shot.total_fen : 0;
      const piece = make("span", bar, share > 0.13 ? yuan(part.fen) : "");
      piece.className = kind;
      piece.style.flexGrow = String(part.fen);
      piece.style.flexBasis = "0";
      const line = make("li", legend);
      make("span", line).className = kind;
      const text = `${say(part.name)} ${yuan(part.fen)}`;
      line.append(text);
      spoken.push(text);
    }
    $("made-up").hidden = !theCase().made_up;
    const total = tell("账单 ", "bill ") + yuan(shot.total_fen);
    if (shot.total_fen) make("li", legend, "= " + total).prepend("");
    bar.setAttribute("aria-label", [total, ...spoken].join(", "));
    drawLedger(shot);
  };
  const drawLedger = (shot) => {
    const ledger = $("ledger");
    ledger.replaceChildren();
    if (!shot.ledger.length) return;
    const head = make("tr", ledger);
    for (const text of [
      tell("动了什么", "what moved"), tell("之前", "before"), tell("现在", "now"),
    ]) make("th", head, text);
    for (const line of shot.ledger) {
      const row = make("tr", ledger);
      if (line.before_fen !== line.now_fen) row.className = "moved";
      make("td", row, say(line.name));
      make("td", row, yuan(line.before_fen));
      make("td", row, yuan(line.now_fen));
    }
  };

  // --- The words ---------------------------------------------------------------------------

  const showWords = (step) => {
    const count = theCase().steps.length;
    $("count").textContent = tell(`第 ${at.step + 1} / ${count} 条`, `${at.step + 1} of ${count}`);
    $("at").textContent = step.at;
    const says = step.says;
    const way = step.kind === "deadline"
      ? say(says.sender) : `${say(says.sender)} → ${say(says.recipient)}`;
    for (const [id, text] of [
      ["title", say(says.title)], ["way", way], ["what", say(says.what)], ["mark", say(says.mark)],
      ["why", say(says.why)], ["money", say(says.money)], ["next", say(says.next)],
    ]) $(id).textContent = text;
    const stage = data.tour[step.step];
    const around = step.step < 0 ? tell("结算之前", "before the settlement")
      : tell("结算之后", "after the settlement");
    $("steps").textContent = stage ? `${step.step} / 7　${say(stage)}` : around;
    $("live").textContent = `${say(says.title)}. ${say(says.what)} ${say(says.money)}`;
  };
  const listAll = () => {
    const list = $("all");
    list.replaceChildren();
    theCase().steps.forEach((step) => {
      const line = make("li", list);
      make("b", line, say(step.says.title));
      line.append(` ${step.at} ${say(step.says.what)} `);
      make("small", line, say(step.says.money));
    });
    if (theCase().cut) make("li", list, tell("其余从略", "the rest is left out"));
  };
  const fillChooser = () => {
    const chooser = $("case");
    chooser.replaceChildren();
    data.cases.forEach((one, index) => {
      const option = make("option", chooser, (one.failed ? "✕ " : "") + say(one.name));
      option.value = String(index);
    });
    chooser.value = String(at.chosen);
  };

  // --- Going about -------------------------------------------------------------------------

  const show = (gently) => {
    clamp();
    document.documentElement.lang = at.lang;
    for (const lang of ["zh", "en"]) $(lang).setAttribute("aria-pressed", String(at.lang === lang));
    for (const id of ["first", "back", "play", "forward", "last"]) {
      const button = $(id);
      const name = button.dataset[at.lang];
      button.setAttribute("aria-label", name);
      button.title = name;
    }
    if (!data.cases.length) {
      $("what").textContent = tell("这次运行没有可看的案例。", "This run has no case to show.");
      return;
    }
    const step = theCase().steps[at.step];
    if (!step) return;
    drawHeads(step);
    drawMessages();
    showWords(step);
    drawMoney(theCase().money[step.money]);
    $("scrub").max = String(theCase().steps.length);
    $("scrub").value = String(at.step + 1);
    $("scrub").setAttribute("aria-label", tell("拖动到某一条", "drag to a message"));
    $("back").disabled = $("first").disabled = at.step === 0;
    $("forward").disabled = $("last").disabled = at.step === theCase().steps.length - 1;
    keepInView(gently);
    writeFragment();
  };
  const go = (step) => {
    at.step = step;
    show(true);
  };
  const choose = (index) => {
    at.chosen = index;
    at.step = startOf(theCase());
    listAll();
    show();
  };
  const speak = (lang) => {
    at.lang = lang;
    fillChooser();
    if (data.cases.length) listAll();
    show();
  };
  const stop = () => {
    clearInterval(timer);
    timer = 0;
    $("play").setAttribute("aria-pressed", "false");
  };
  const play = () => {
    if (timer) return stop();
    $("play").setAttribute("aria-pressed", "true");
    timer = setInterval(() => {
      if (at.step >= theCase().steps.length - 1) stop();
      else go(at.step + 1);
    }, 2500);
    return undefined;
  };
  const KEYS = {
    ArrowRight: () => go(at.step + 1),
    ArrowLeft: () => go(at.step - 1),
    PageDown: () => go(at.step + 1),
    PageUp: () => go(at.step - 1),
    Home: () => go(0),
    End: () => go(Infinity),
  };
  document.addEventListener("keydown", (event) => {
    const inControl = ["SELECT", "INPUT", "TEXTAREA"].includes(event.target.tagName);
    const far = scrollY > innerHeight / 2;
    if (inControl || far || event.altKey || event.ctrlKey || event.metaKey) return;
    if (!KEYS[event.key] || !data.cases.length) return;
    event.preventDefault();
    stop();
    KEYS[event.key]();
  });
  for (const [id, act] of [
    ["first", KEYS.Home], ["back", KEYS.ArrowLeft], ["forward", KEYS.ArrowRight],
    ["last", KEYS.End], ["play", play],
  ]) {
    $(id).addEventListener("click", () => {
      if (id !== "play") stop();
      if (data.cases.length) act();
    });
  }
  $("zh").addEventListener("click", () => speak("zh"));
  $("en").addEventListener("click", () => speak("en"));
  $("case").addEventListener("change", (event) => choose(Number(event.target.value)));
  $("scrub").addEventListener("input", (event) => go(Number(event.target.value) - 1));
  addEventListener("hashchange", () => { readFragment(); speak(at.lang); });
  addEventListener("resize", () => { if (data.cases.length) { drawMessages(); keepInView(); } });
  // Paper cannot be unfolded: what is folded on the screen is printed whole.
  const folded = [];
  addEventListener("beforeprint", () => {
    for (const part of document.querySelectorAll("details:not([open])")) {
      part.open = true;
      folded.push(part);
    }
    if (data.cases.length) drawMoney(theCase().money.at(-1));
  });
  addEventListener("afterprint", () => {
    for (const part of folded.splice(0)) part.open = false;
    show();
  });
  readFragment();
  speak(at.lang);
})();
