"use strict";
// The list of findings: a window of rows moved over all of them, filtered, sorted and opened by keyboard or pointer.
// Text reaches the page through textContent alone.
(() => {
  const at = (id) => document.getElementById(id);
  const source = at("data");
  if (!source) return;
  const KEYS = ["severity", "rule", "subject", "message", "observed", "state"];
  const PAGE = 200000;
  const OVER = 8;
  let data, total, order, page, active, height, rows, blocks, timer;
  let sort = { key: "", down: false };
  let cursor = 0;

  const grouped = (n) => String(n).replace(/\B(?=(\d{3})+$)/g, ",");
  const put = (text, values) => text.replace(/\{(\w+)\}/g, (all, name) => (name in values ? values[name] : all));
  const make = (tag, text, kind) => {
    const element = document.createElement(tag);
    if (text !== undefined) element.textContent = text;
    if (kind) element.className = kind;
    return element;
  };
  const SEVERITY = ["critical", "high", "medium", "low", "info"];
  const severityMark = (index) => {
    const mark = make("span", undefined, "mark severity severity-" + SEVERITY[index]);
    mark.append(make("i", undefined, "dot"), data.severities[index]);
    return mark;
  };
  const anchorOf = (i) => data.anchor[i] || data.fingerprint[i].slice(0, 20);
  const observed = (i) => {
    const second = data.at[i];
    const [, ahead, after] = data.offsets.findLast(([from]) => from <= second);
    const text = new Date((second + ahead) * 1000).toISOString();
    return text.slice(0, 10) + " " + text.slice(11, 19) + after;
  };
  const textOf = (key, i) => {
    if (key === "rule") return data.rules[data.rule[i]].id;
    if (key === "subject") return data.texts[data.subject[i]];
    if (key === "message") return data.message[i];
    if (key === "observed") return observed(i);
    return data.states[data.state[i]] + (data.waiver[i] < 0 ? "" : ", " + put(data.say.waived_by, { id: data.waivers[data.waiver[i]] }));
  };

  // What a search looks at, in blocks of findings: one long text is searched many times as fast as many short ones.
  const BLOCK = 500;
  function block(b) {
    if (blocks[b]) return blocks[b];
    const first = b * BLOCK;
    const size = Math.min(BLOCK, total - first);
    const parts = [];
    const ends = new Uint32Array(size);
    for (let k = 0, length = 0; k < size; k++) {
      const i = first + k;
      const rule = data.rules[data.rule[i]];
      const words = [data.message[i], data.texts[data.subject[i]], rule.id, rule.title, observed(i), data.fingerprint[i]];
      for (const number of data.evidence[i]) words.push(data.texts[number]);
      if (data.waiver[i] >= 0) words.push(data.waivers[data.waiver[i]]);
      parts.push(words.join("\n").toLowerCase());
      length += parts[k].length + 1;
      ends[k] = length;
    }
    blocks[b] = { text: parts.join("\n"), ends };
    return blocks[b];
  }
  function prepare(b) {
    const until = Math.min(b + 8, blocks.length);
    for (let k = b; k < until; k++) block(k);
    if (until < blocks.length) setTimeout(prepare, 0, until);
    else document.documentElement.dataset.indexed = "yes";
  }
  function holding(words) {
    const held = new Uint8Array(total).fill(1);
    for (let b = 0; b < blocks.length; b++) {
      const { text, ends } = block(b);
      for (const word of words) {
        let k = 0;
        for (let at = text.indexOf(word); at >= 0 && k < ends.length; at = text.indexOf(word, ends[k++])) {
          while (ends[k] <= at) held[b * BLOCK + k++] = 0;
        }
        while (k < ends.length) held[b * BLOCK + k++] = 0;
      }
    }
    return held;
  }

  const rank = {
    severity: (i) => data.severity[i],
    rule: (i) => data.rules[data.rule[i]].id,
    subject: (i) => data.texts[data.subject[i]],
    message: (i) => data.message[i],
    observed: (i) => data.at[i],
    state: (i) => data.state[i] * 2 + (data.waiver[i] < 0 ? 0 : 1),
  };
  function sorted(found) {
    if (!sort.key) return found;
    const value = rank[sort.key];
    const keys = new Map();
    for (const i of found) keys.set(i, value(i));
    const way = sort.down ? -1 : 1;
    return found.sort((a, b) => {
      const x = keys.get(a), y = keys.get(b);
      return x < y ? -way : x > y ? way : a - b;
    });
  }

  function filtered() {
    const words = at("q").value.toLowerCase().split(/\s+/).filter(Boolean);
    const chosen = (id) => (at(id).value === "" ? -1 : Number(at(id).value));
    const severity = chosen("severity"), rule = chosen("rule"), state = chosen("state"), waived = chosen("waived");
    const control = at("control").value;
    const allowed = data.rules.map((r, i) => (rule < 0 || rule === i) && (control === "" || r.controls.includes(control)));
    const held = words.length ? holding(words) : undefined;
    const found = [];
    for (let i = 0; i < total; i++) {
      if (held && !held[i]) continue;
      if (severity >= 0 && data.severity[i] !== severity) continue;
      if (!allowed[data.rule[i]]) continue;
      if (state >= 0 && data.state[i] !== state) continue;
      if (waived >= 0 && (data.waiver[i] >= 0) !== (waived === 1)) continue;
      found.push(i);
    }
    return sorted(found);
  }

  function refresh(keep) {
    order = filtered();
    page = 0;
    if (!keep) cursor = 0;
    cursor = Math.min(cursor, Math.max(order.length - 1, 0));
    const match = order.length === 1 ? data.say.matches_one : put(data.say.matches, { n: grouped(order.length) });
    at("matches").textContent = match + " " + put(data.say.of, { n: grouped(total) });
    at("grid").setAttribute("aria-rowcount", String(order.length + 1));
    for (const head of at("grid").querySelectorAll("[data-sort]")) {
      const on = head.dataset.sort === sort.key;
      head.parentElement.setAttribute("aria-sort", on ? (sort.down ? "descending" : "ascending") : "none");
    }
    lay(true);
    remember();
  }

  function lay(top) {
    const pages = Math.ceil(order.length / PAGE);
    at("paging").hidden = pages < 2;
    at("page").textContent = put(data.say.page, { n: grouped(page + 1), of: grouped(pages) });
    at("previous").disabled = page === 0;
    at("next").disabled = page >= pages - 1;
    at("body").style.height = shown() * height + "px";
    if (top) at("grid").scrollTop = 0;
    draw();
  }
  const shown = () => Math.min(order.length - page * PAGE, PAGE);

  function draw() {
    const grid = at("grid");
    const first = Math.max(0, Math.floor(grid.scrollTop / height) - OVER);
    const count = Math.min(Math.ceil(grid.clientHeight / height) + 2 * OVER, shown() - first);
    while (rows.length < count) rows.push(row());
    rows.forEach((item, k) => {
      const place = first + k;
      if (k >= count) {
        item.line.remove();
        return;
      }
      fill(item, place);
      if (!item.line.parentElement) at("body").append(item.line);
    });
    const line = rows.find((item) => item.line.isConnected && item.place === cursor - page * PAGE);
    if (line) grid.setAttribute("aria-activedescendant", line.line.id);
    else grid.removeAttribute("aria-activedescendant");
  }
  function row() {
    const line = make("div", undefined, "item");
    line.setAttribute("role", "row");
    const cells = KEYS.map((key) => {
      const cell = make("div", undefined, "c-" + key);
      cell.setAttribute("role", "gridcell");
      cell.dir = "auto";
      line.append(cell);
      return cell;
    });
    const item = { line, cells, place: -1 };
    line.addEventListener("click", () => {
      cursor = page * PAGE + item.place;
      draw();
      open(order[cursor]);
    });
    return item;
  }
  function fill(item, place) {
    const position = page * PAGE + place;
    const i = order[position];
    item.place = place;
    item.line.id = "line-" + position;
    item.line.style.transform = "translateY(" + place * height + "px)";
    item.line.setAttribute("aria-rowindex", String(position + 2));
    item.line.setAttribute("aria-selected", String(position === cursor));
    KEYS.forEach((key, k) => {
      if (key === "severity") item.cells[k].replaceChildren(severityMark(data.severity[i]));
      else item.cells[k].textContent = textOf(key, i);
    });
  }

  function move(to) {
    cursor = Math.max(0, Math.min(to, order.length - 1));
    const wanted = Math.floor(cursor / PAGE);
    if (wanted !== page) {
      page = wanted;
      lay(true);
    }
    const grid = at("grid");
    const top = (cursor - page * PAGE) * height;
    const room = grid.clientHeight - grid.querySelector(".head").offsetHeight;
    if (top < grid.scrollTop) grid.scrollTop = top;
    if (top + height > grid.scrollTop + room) grid.scrollTop = top + height - room;
    draw();
  }

  function open(i) {
    active = i;
    const rule = data.rules[data.rule[i]];
    at("detail-title").textContent = data.message[i];
    const facts = make("dl", undefined, "facts");
    const fact = (label, value, kind) => {
      const box = make("div");
      const shownValue = make("dd", undefined, kind);
      shownValue.dir = "auto";
      shownValue.append(value);
      box.append(make("dt", label), shownValue);
      facts.append(box);
    };
    const link = make("a", rule.id + " " + rule.title);
    link.href = "#" + rule.anchor;
    link.addEventListener("click", () => at("detail").close());
    fact(data.say.severity, severityMark(data.severity[i]));
    fact(data.say.confidence, data.confidences[data.confidence[i]]);
    fact(data.say.rule, link);
    fact(data.say.subject, data.texts[data.subject[i]]);
    fact(data.say.observed, observed(i));
    fact(data.say.state, textOf("state", i) + (data.occurrences[i] > 1 ? ", " + put(data.say.seen, { n: grouped(data.occurrences[i]) }) : ""));
    fact(data.say.controls, rule.controls.join(", ") || data.say.none);
    const evidence = make("table", undefined, "evidence");
    evidence.append(make("caption", data.say.evidence));
    data.shapes[data.shape[i]].forEach((name, k) => {
      const number = data.evidence[i][k];
      if (number === undefined) return;
      const line = make("tr");
      const head = make("th", name);
      head.scope = "row";
      const value = make("td", data.texts[number]);
      value.dir = "auto";
      if (data.mixed.includes(number)) value.append(make("span", data.say.mixed, "note"));
      line.append(head, value);
      evidence.append(line);
    });
    const origin = make("dl", undefined, "facts");
    const add = (label, value, kind) => {
      const box = make("div");
      box.append(make("dt", label), make("dd", value, kind));
      origin.append(box);
    };
    add(data.say.fingerprint, data.fingerprint[i], "v-mono");
    const numbers = data.records[i];
    const named = [];
    const raw = [];
    for (let k = 0; k < numbers.length; k += 2) {
      named.push(put(data.say.record, { page: data.pages[numbers[k]], item: String(numbers[k + 1]) }));
      const text = data.raw[numbers[k] + ":" + numbers[k + 1]];
      if (text !== undefined) raw.push(text);
    }
    add(data.say.records, named.join(", "), "v-mono");
    const body = at("detail-body");
    body.replaceChildren(facts, evidence, origin, make("h4", data.say.raw));
    if (raw.length) for (const text of raw) body.append(make("pre", text));
    else body.append(make("p", data.say.raw_absent, "said"));
    const copy = make("a", data.say.link);
    copy.href = "#f-" + anchorOf(i);
    body.append(make("p"));
    body.lastChild.append(copy);
    if (!at("detail").open) at("detail").showModal();
    at("detail").scrollTop = 0;
    at("detail-title").focus();
    remember();
  }

  function remember() {
    const state = new URLSearchParams();
    for (const id of ["q", "severity", "rule", "state", "waived", "control"]) {
      if (at(id).value !== "") state.set(id, at(id).value);
    }
    if (sort.key) state.set("sort", (sort.down ? "-" : "") + sort.key);
    if (active !== undefined) state.set("f", anchorOf(active));
    const text = state.toString();
    const now = location.hash.slice(1);
    if (text) history.replaceState(null, "", "#" + text);
    else if (now.includes("=") || now.startsWith("f-")) history.replaceState(null, "", "#all-findings");
  }
  function recall() {
    const hash = location.hash.slice(1);
    const single = /^f-([0-9a-f]{20})$/.exec(hash);
    const state = new URLSearchParams(hash.includes("=") ? hash : "");
    if (hash.includes("=")) {
      for (const id of ["q", "severity", "rule", "state", "waived", "control"]) at(id).value = state.get(id) || "";
      const key = (state.get("sort") || "").replace(/^-/, "");
      sort = KEYS.includes(key) ? { key, down: state.get("sort").startsWith("-") } : { key: "", down: false };
    }
    const wanted = single ? single[1] : state.get("f");
    refresh(true);
    const found = wanted ? data.fingerprint.findIndex((_, i) => anchorOf(i) === wanted) : -1;
    if (found < 0) return;
    const place = order.indexOf(found);
    at("list").scrollIntoView();
    if (place >= 0) move(place);
    open(found);
  }

  function choices(id, entries) {
    at(id).replaceChildren(new Option(data.say.any, ""), ...entries.map(([value, text]) => new Option(text, value)));
  }
  function measure() {
    height = parseFloat(getComputedStyle(at("grid")).getPropertyValue("--row"));
  }
  function listen() {
    let waiting = false;
    at("grid").addEventListener("scroll", () => {
      if (waiting) return;
      waiting = true;
      requestAnimationFrame(() => {
        waiting = false;
        draw();
      });
    }, { passive: true });
    at("grid").addEventListener("keydown", (event) => {
      if (event.target !== at("grid")) return;
      const leap = Math.max(1, Math.floor(at("grid").clientHeight / height) - 2);
      const to = { ArrowDown: cursor + 1, ArrowUp: cursor - 1, PageDown: cursor + leap, PageUp: cursor - leap, Home: 0, End: order.length - 1 }[event.key];
      if (to !== undefined) {
        move(to);
        event.preventDefault();
      } else if (event.key === "Enter" && order.length) {
        open(order[cursor]);
        event.preventDefault();
      }
    });
    for (const head of at("grid").querySelectorAll("[data-sort]")) {
      head.addEventListener("click", () => {
        const key = head.dataset.sort;
        if (sort.key !== key) sort = { key, down: false };
        else if (!sort.down) sort = { key, down: true };
        else sort = { key: "", down: false };
        refresh(false);
      });
    }
    at("q").addEventListener("input", () => {
      clearTimeout(timer);
      timer = setTimeout(refresh, 0, false);
    });
    at("tools").addEventListener("change", (event) => {
      if (event.target.id !== "q") refresh(false);
    });
    at("tools").addEventListener("submit", (event) => event.preventDefault());
    at("clear").addEventListener("click", () => {
      at("tools").reset();
      sort = { key: "", down: false };
      refresh(false);
    });
    at("previous").addEventListener("click", () => move((page - 1) * PAGE));
    at("next").addEventListener("click", () => move((page + 1) * PAGE));
    at("close").addEventListener("click", () => at("detail").close());
    at("detail").addEventListener("close", () => {
      active = undefined;
      remember();
      at("grid").focus({ preventScroll: true });
    });
    document.addEventListener("keydown", (event) => {
      const typing = /^(INPUT|SELECT|TEXTAREA)$/.test(event.target.tagName || "");
      if (event.key !== "/" || typing || at("detail").open || event.ctrlKey || event.metaKey || event.altKey) return;
      at("q").focus();
      event.preventDefault();
    });
    addEventListener("resize", () => {
      measure();
      lay(false);
      move(cursor);
    });
    addEventListener("hashchange", () => {
      if (/^f-[0-9a-f]{20}$/.test(location.hash.slice(1)) || location.hash.includes("=")) recall();
    });
  }

  function begin() {
    data = JSON.parse(source.textContent);
    source.remove();
    total = data.message.length;
    blocks = new Array(Math.ceil(total / BLOCK));
    rows = [];
    document.documentElement.classList.add("js");
    at("list").hidden = false;
    for (const link of document.querySelectorAll("[data-finding]")) link.href = "#" + link.dataset.finding;
    choices("severity", data.severities.map((text, i) => [i, text]));
    choices("rule", data.rules.map((r, i) => [i, r.id + " " + r.title]).filter(([i]) => data.rule.includes(i)));
    choices("state", data.states.map((text, i) => [i, text]).filter(([i]) => data.state.includes(i)));
    choices("waived", [[0, data.say.open_only], [1, data.say.waived_only]]);
    const used = new Set(data.rules.flatMap((r, i) => (data.rule.includes(i) ? r.controls : [])));
    choices("control", [...used].sort().map((text) => [text, text]));
    measure();
    listen();
    recall();
    document.documentElement.dataset.ready = "yes";
    setTimeout(prepare, 200, 0);
  }
  addEventListener("beforeprint", () => {
    for (const item of document.querySelectorAll("details:not([open])")) {
      item.open = true;
      item.dataset.opened = "yes";
    }
  });
  addEventListener("afterprint", () => {
    for (const item of document.querySelectorAll("details[data-opened]")) {
      item.open = false;
      delete item.dataset.opened;
    }
  });
  requestAnimationFrame(() => setTimeout(begin, 0));
})();
