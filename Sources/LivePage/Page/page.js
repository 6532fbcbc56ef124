// Fetches the status every two seconds, only what is new of the curves, and hands it to charts and panels.

const curves = new Map();
let known = 0, range = "all", evaluation = "", latest = null;

const card = id => document.getElementById(id);
const charts = {
  loss: new Chart(card("loss"), { height: 280, isSmoothed: true }),
  throughput: new Chart(card("throughput"), { fromZero: true, isSmoothed: true }),
  phases: new Chart(card("phases"), { fromZero: true, isStacked: true }),
};
const small = new Map();

const phases = ["data_seconds", "compute_seconds", "communication_seconds"];
const optimizer = ["lr", "grad_norm", "logit_scale"];
const elsewhere = new Set([...phases, ...optimizer, "samples_per_second", "step_seconds", "epoch", "samples_seen", "updated", "rank_skew_seconds"]);

const isLoss = name => /(^|_)loss(_|$)/.test(name);
const label = name => ({ lr: "learning rate", grad_norm: "gradient norm", logit_scale: "logit scale", samples_per_second: "pairs a second" })[name]
  || name.replace(/_seconds$/, "").replace(/_/g, " ");

const merge = status => {
  if (status.since === 0) curves.clear();
  for (const series of status.series) {
    const curve = curves.get(series.name) || { name: series.name, label: label(series.name), steps: [], values: [] };
    const kept = indexAt(curve.steps, status.since) + 1;
    curve.steps = curve.steps.slice(0, kept).concat(series.steps);
    curve.values = curve.values.slice(0, kept).concat(series.values);
    curve.newest = series.newest;
    curves.set(series.name, curve);
  }
  known = status.step;
};

// Asks once more for the newest point: on a thinned curve it is not there for good.
const sinceWhere = () => {
  const longest = Math.max(0, ...[...curves.values()].map(curve => curve.steps.length));
  return known === 0 || longest > 6000 ? 0 : known - 1;
};

const shownRange = () => {
  const firsts = [...curves.values()].filter(curve => curve.steps.length).map(curve => curve.steps[0]);
  const first = Math.min(known, ...firsts);
  if (range === "quarter") return [Math.max(first, Math.round(known - (known - first) / 4)), known];
  return range === "all" ? [first, known] : [Math.max(first, known - Number(range)), known];
};

const drawCharts = () => {
  const span = shownRange();
  const named = names => names.map(name => curves.get(name)).filter(Boolean);
  charts.loss.show(losses(), span);
  charts.throughput.show(named(["samples_per_second"]), span);
  charts.phases.show(named(phases), span);
  for (const curve of named(optimizer)) smallChart(curve, "optimizer").show([curve], span);
  for (const curve of curves.values())
    if (!elsewhere.has(curve.name) && !isLoss(curve.name)) smallChart(curve, "others").show([curve], span);
};

// The whole first, then by name, so that each keeps its colour.
const losses = () => [...curves.values()].filter(curve => isLoss(curve.name) && !isCopy(curve))
  .sort((a, b) => (b.name === "loss") - (a.name === "loss") || (a.name < b.name ? -1 : 1));

// A run with one objective writes it twice: as itself and as the whole loss.
const isCopy = curve => {
  const loss = curves.get("loss");
  if (!loss || curve === loss || curve.steps.length !== loss.steps.length) return false;
  return curve.values.every((value, index) => value === loss.values[index]);
};

const smallChart = (curve, id) => {
  if (!small.has(curve.name)) {
    card(id).hidden = false;
    small.set(curve.name, new Chart(card(id), { height: 110, isSmoothed: curve.name === "grad_norm" }));
  }
  return small.get(curve.name);
};

const fetchEvaluation = async ({ results, picture }) => {
  const version = `${results} ${picture}`;
  if (version === evaluation || (!results && !picture)) return;
  const answer = results ? await fetch("/evaluation.json") : null;
  try {
    showEvaluation(answer && answer.ok ? await answer.json() : {}, picture);
    evaluation = version;
  } catch { /* It is being written: the next round shows it. */ }
};

const show = status => {
  latest = status;
  showHead(status);
  showTiles(status, name => curves.get(name)?.newest);
  judge(status);
  drawCharts();
  showRanks(status);
  whenNew("checkpoints", status.checkpoints, () => showCheckpoints(status));
  whenNew("incidents", status.incidents, () => showIncidents(status));
  whenNew("about", status.run, () => showAbout(status));
};

// What has not changed stays as it is, scrolled or marked.
const drawn = new Map();
const whenNew = (id, data, draw) => {
  const text = JSON.stringify(data);
  if (drawn.get(id) === text) return;
  drawn.set(id, text);
  draw();
};

const poll = async () => {
  let wait = 2000;
  try {
    const answer = await fetch(`/status.json?since=${sinceWhere()}`, { signal: AbortSignal.timeout(20000) });
    if (answer.status === 401) return showState("token needed: open /?token=…", "error");
    if (!answer.ok) throw new Error(answer.statusText);
    const status = await answer.json();
    // The run went back, or another one answers.
    if (status.since > 0 && (status.step < known || status.run?.start_time !== latest?.run?.start_time)) {
      known = 0;
      wait = 0;
    } else {
      merge(status);
      show(status);
      await fetchEvaluation(status.evaluation);
    }
  } catch (error) {
    showState(latest ? "out of reach" : `out of reach: ${error.message}`, "error");
    wait = 5000;
  }
  setTimeout(next, wait);
};

// A page that nobody sees asks for nothing.
const next = () => document.hidden ? document.addEventListener("visibilitychange", next, { once: true }) : poll();

for (const button of document.querySelectorAll("[data-range]"))
  button.onclick = () => {
    range = button.dataset.range;
    for (const other of document.querySelectorAll("[data-range]")) other.setAttribute("aria-pressed", other === button);
    drawCharts();
  };
poll();
