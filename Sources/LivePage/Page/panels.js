// What stands around the charts. Texts of the run get in as text nodes alone.

const duration = seconds => {
  if (seconds === null || seconds === undefined || !isFinite(seconds)) return "–";
  const total = Math.max(0, Math.round(seconds));
  const days = Math.floor(total / 86400), hours = Math.floor(total / 3600) % 24, minutes = Math.floor(total / 60) % 60;
  if (days) return `${days}d ${hours}h`;
  if (hours) return `${hours}h ${minutes}m`;
  return minutes ? `${minutes}m ${total % 60}s` : `${total}s`;
};

const secondsText = value => value >= 100 ? duration(value) : `${+value.toPrecision(3)} s`;
const whole = value => Math.round(value).toLocaleString("en");
const clock = time => {
  const date = new Date(time * 1000);
  const isToday = date.toDateString() === new Date().toDateString();
  const hour = date.toLocaleTimeString([], { hour: "2-digit", minute: "2-digit", hour12: false });
  return isToday ? hour : `${date.toLocaleDateString([], { month: "short", day: "numeric" })} ${hour}`;
};

// Replaces what is under a card's heading.
const fill = (id, ...children) => {
  const card = document.getElementById(id);
  card.replaceChildren(card.querySelector("h2"), ...children);
  card.hidden = false;
};

const table = (heads, rows) => {
  const cell = (kind, value, isNumber) => make(kind, isNumber ? { class: "number" } : {}, value);
  return make("div", { class: "scroll" }, make("table", {},
    make("thead", {}, make("tr", {}, ...heads.map(head => cell("th", head.text, head.isNumber)))),
    make("tbody", {}, ...rows.map(row =>
      make("tr", {}, ...row.map((value, index) => cell("td", value, heads[index].isNumber)))))));
};

const showTiles = (status, newest) => {
  const { run, ranks } = status;
  const end = status.seconds_left && !status.outcome ? ` · ends ${clock(status.now + status.seconds_left)}` : "";
  const skewPart = status.seconds_per_step ? ` · ${(100 * ranks.skew_seconds / status.seconds_per_step).toFixed(1)} %` : "";
  const tiles = [
    [`Time left${end}`, status.outcome ? "–" : duration(status.seconds_left)],
    ["Loss", number(newest("loss"))],
    ["Pairs a second", number(status.samples_per_second ?? newest("samples_per_second"))],
    ["Seconds a step", number(status.seconds_per_step ?? newest("step_seconds"))],
    [`Rank skew${run && run.rank_count > 1 ? skewPart : ""}`, run && run.rank_count > 1 ? secondsText(ranks.skew_seconds) : "–"],
    ["Pairs seen", number(newest("samples_seen"))],
  ];
  document.getElementById("tiles").replaceChildren(...tiles.map(([label, value]) =>
    make("div", { class: "tile" }, make("span", {}, label), make("strong", {}, value))));
};

const showHead = status => {
  const { run } = status;
  if (!run) return;
  const part = run.total_steps ? Math.min(1, status.step / run.total_steps) : 0;
  document.getElementById("name").textContent = run.name;
  document.title = `${(100 * part).toFixed(part < 0.1 ? 1 : 0)} % · ${run.name}`;
  document.getElementById("bar").style.width = `${100 * part}%`;
  const resumed = run.resumed_at_step ? ` · resumed at step ${whole(run.resumed_at_step)}` : "";
  document.getElementById("where").textContent =
    `step ${whole(status.step)} of ${whole(run.total_steps)} · ${whole(run.rank_count)} rank${run.rank_count === 1 ? "" : "s"}`
    + ` · up ${duration(status.now - run.start_time)}${resumed}`;
};

const showState = (text, level) => {
  const pill = document.getElementById("state");
  pill.textContent = text;
  pill.className = `pill ${level}`;
};

const judge = status => {
  if (status.outcome) return showState(status.outcome, "info");
  const quiet = status.last_step_time ? status.now - status.last_step_time : 0;
  if (quiet > Math.max(30, 10 * (status.seconds_per_step || 6))) return showState(`no step for ${duration(quiet)}`, "error");
  const last = status.checkpoints[status.checkpoints.length - 1];
  if (last && last.failure) return showState("last checkpoint failed", "warning");
  showState(status.last_step_time ? "training" : "starting", status.last_step_time ? "" : "info");
};

// --- Ranks ---

const parts = [["data", "data_seconds"], ["compute", "compute_seconds"], ["communication", "communication_seconds"]];

const rankBars = (ranks, busy) => {
  const longest = Math.max(...busy.map((value, rank) => value + ranks.communication_seconds[rank]), 1e-9);
  return make("div", { class: "bars" }, ...busy.map((value, rank) => {
    const track = make("div", { class: "track" });
    for (const [index, [, key]] of parts.entries()) {
      const piece = make("div");
      piece.style.width = `${100 * ranks[key][rank] / longest}%`;
      piece.style.background = colour(index);
      track.append(piece);
    }
    return make("div", { class: "row" }, make("span", {}, `rank ${rank}`), track, make("span", {}, secondsText(value)));
  }));
};

const rankHeat = (ranks, busy, middle) => {
  const grid = make("div", { class: "heat" });
  grid.style.gridTemplateColumns = `repeat(${Math.min(64, Math.ceil(Math.sqrt(busy.length * 2)))}, 1fr)`;
  const worst = Math.max(...busy.map(value => value - middle), middle * 0.05, 1e-9);
  const cool = "var(--cool)", hot = "var(--hot)";
  busy.forEach((value, rank) => {
    const cell = make("span", { title: `rank ${rank}: ${parts.map(([name, key]) => `${name} ${secondsText(ranks[key][rank])}`).join(", ")}` });
    const heat = Math.round(100 * Math.min(1, Math.max(0, (value - middle) / worst)));
    cell.style.background = `color-mix(in srgb, rgb(${hot}) ${heat}%, rgb(${cool}))`;
    grid.append(cell);
  });
  return grid;
};

const showRanks = ({ ranks }) => {
  const busy = ranks.data_seconds.map((seconds, rank) => seconds + ranks.compute_seconds[rank]);
  if (!busy.length) return fill("ranks", make("p", { class: "quiet" }, "nothing yet"));
  const sorted = [...busy].sort((a, b) => a - b);
  const middle = (sorted[(busy.length - 1) >> 1] + sorted[busy.length >> 1]) / 2;
  const slowest = ranks.slowest;
  const words = slowest === null ? `data and compute take ${secondsText(busy[0])}`
    : `rank ${slowest} is slowest: ${secondsText(busy[slowest])} of data and compute, `
      + `${(100 * (busy[slowest] / middle - 1)).toFixed(1)} % over the median; skew ${secondsText(ranks.skew_seconds)}`;
  const isSmall = busy.length <= 16;
  const key = make("div", { class: "legend" }, ...(isSmall ? parts : []).map(([name], index) => {
    const mark = make("i");
    mark.style.background = colour(index);
    return make("button", { type: "button", disabled: "" }, mark, name);
  }));
  if (!isSmall) key.append(make("span", { class: "quiet" }, `${whole(busy.length)} ranks in order; the hotter, the longer their data and compute`));
  fill("ranks", make("p", { class: "quiet" }, words), key, isSmall ? rankBars(ranks, busy) : rankHeat(ranks, busy, middle));
};

// --- Checkpoints, incidents, the run ---

const showCheckpoints = status => {
  const rows = status.checkpoints.slice(-8).reverse().map(item => [
    whole(item.step), clock(item.time), secondsText(item.seconds), secondsText(item.stall_seconds),
    item.failure ? make("span", { class: "pill error", title: item.failure }, "failed") : "saved",
  ]);
  if (!rows.length) return fill("checkpoints", make("p", { class: "quiet" }, "none yet"));
  const failures = status.checkpoints.filter(item => item.failure).slice(-1);
  fill("checkpoints", table([
    { text: "step", isNumber: true }, { text: "ended", isNumber: true }, { text: "took", isNumber: true },
    { text: "stalled", isNumber: true }, { text: "", isNumber: true },
  ], rows),
  make("p", { class: "quiet" }, `${whole(status.saved_count)} saved, ${whole(status.failed_save_count)} failed since this process began`),
  ...failures.map(item => make("p", { class: "quiet" }, `step ${whole(item.step)}: ${item.failure}`)));
};

const showIncidents = status => {
  if (!status.incidents.length) return fill("incidents", make("p", { class: "quiet" }, "none"));
  fill("incidents", make("ul", { class: "log" }, ...status.incidents.slice(-60).reverse().map(item => make("li", {},
    make("span", { class: `pill ${item.level}` }, item.level), ` ${item.text} `,
    make("span", { class: "quiet" }, `step ${whole(item.step)}, ${clock(item.time)}`)))));
};

const definitions = pairs => make("dl", {}, ...pairs.flatMap(([name, value]) => [make("dt", {}, name), make("dd", {}, value)]));

const showAbout = ({ run }) => {
  if (!run) return;
  const hosts = run.hosts.length > 12 ? [...run.hosts.slice(0, 12), `… ${run.hosts.length} in all`] : run.hosts;
  fill("about", definitions([
    ["model", run.model], ["batch", `${whole(run.global_batch_size)} pairs, all ranks`],
    ["stages", run.stages.join(" → ") || "–"], ["hosts", hosts.join(", ")],
    ["directory", run.directory], ["started", clock(run.start_time)],
  ]));
};

// --- Evaluation: whatever its file holds, by shape rather than by place ---

const recall = /^(text_to_image|image_to_text)_R@(\d+)$/;

const collect = (value, path, found) => {
  if (Array.isArray(value)) {
    const queries = value.filter(item => item && typeof item === "object" && typeof (item.query ?? item.text) === "string");
    if (queries.length) return void found.queries.push(...queries);
    value.forEach((item, index) => collect(item, [...path, String(index + 1)], found));
  } else if (value && typeof value === "object") {
    if (Object.keys(value).some(key => recall.test(key))) {
      const names = Object.values(value).filter(item => typeof item === "string");
      found.sets.push({ name: names.join(" · ") || path.join(" ") || "all", values: value });
    }
    for (const [key, item] of Object.entries(value))
      if (!recall.test(key)) collect(item, isNaN(key) ? [...path, key] : path, found);
  } else if (!path.some(step => /^\d+$/.test(step)) && path.length === 1) {
    found.facts.push([path[0], typeof value === "number" ? number(value) : String(value)]);
  }
};

const recallTable = sets => {
  const columns = ["text_to_image", "image_to_text"].flatMap(way => ["1", "5", "10"].map(k => `${way}_R@${k}`));
  const label = key => key.replace("text_to_image_", "text→image ").replace("image_to_text_", "image→text ");
  const percent = value => typeof value === "number" ? (100 * value).toFixed(1) : "–";
  return table([{ text: "set" }, ...columns.map(key => ({ text: label(key), isNumber: true })), { text: "chance R@1", isNumber: true }],
    sets.map(set => [set.name, ...columns.map(key => percent(set.values[key])), percent(set.values["chance_R@1"])]));
};

const queryBox = query => {
  const results = query.results ?? query.top ?? query.hits ?? [];
  const text = item => typeof item === "string" ? item : [item.text ?? item.caption ?? item.key, item.score && number(item.score)].filter(Boolean).join(" · ");
  const rank = query.rank ? [make("span", { class: "quiet" }, ` right one at place ${whole(query.rank)}`)] : [];
  return make("div", {}, query.query ?? query.text, ...rank,
    ...(results.length ? [make("ol", {}, ...results.slice(0, 5).map(item => make("li", {}, text(item))))] : []));
};

const showEvaluation = (results, picture) => {
  const found = { sets: [], queries: [], facts: [] };
  collect(results, [], found);
  const children = [];
  if (found.facts.length) children.push(make("p", { class: "quiet" }, found.facts.slice(0, 8).map(pair => pair.join(" ")).join(" · ")));
  if (found.sets.length) children.push(recallTable(found.sets));
  if (picture) {
    const source = `/evaluation.png?v=${encodeURIComponent(picture)}`;
    children.push(make("a", { class: "picture-link", href: source },
      make("img", { class: "picture", src: source, alt: "Sample queries with the pictures they found" })));
  }
  if (found.queries.length) children.push(make("h3", {}, "Sample queries"), make("div", { class: "queries" }, ...found.queries.slice(0, 24).map(queryBox)));
  fill("evaluation", ...children);
};
