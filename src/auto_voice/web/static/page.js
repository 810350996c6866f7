// Shows what the API says. Everything is put into the page as text, never as markup.
"use strict";

const KEY = "autovoice-key";
const HEALTH_MILLISECONDS = 10000;
const STATUS_MILLISECONDS = 2000;
const ENDED = ["completed", "failed", "cancelled"];
const byId = (id) => document.getElementById(id);
const rows = new Map(); // job id -> its row
const needsKey = document.body.dataset.needsKey === "yes";

function element(tag, text, ...classes) {
  const made = document.createElement(tag);
  made.textContent = text ?? "";
  made.classList.add(...classes);
  return made;
}

function problem(text) {
  byId("problem").textContent = text;
  byId("problem").hidden = !text;
}

async function ask(path) {
  const key = sessionStorage.getItem(KEY);
  const answer = await fetch(path, { headers: key ? { "X-API-Key": key } : {} });
  if (answer.ok || path === "/health") return answer;
  const body = await answer.json().catch(() => ({}));
  throw new Error(body.message || `The service answered ${answer.status}.`);
}

const json = async (path) => (await ask(path)).json();

function seconds(count) {
  if (count === null || count === undefined) return "";
  return count < 90 ? `${Math.round(count)} s` : `${Math.round(count / 60)} min`;
}

function showHealth(health) {
  byId("status").textContent = health.status;
  byId("status").className = `badge ${health.status}`;
  const facts = {
    "Workers": health.workers?.alive,
    "Waiting": health.queue?.waiting,
    "Running": health.queue?.running,
    "Processor": health.gpu?.available ? "GPU" : "CPU",
    "Cache": health.storage ? `${health.storage.cache_size_gb} GB` : undefined,
    "Free disk": health.storage?.free_gb === undefined ? undefined : `${Math.round(health.storage.free_gb)} GB`,
  };
  byId("health").replaceChildren(
    ...Object.entries(facts)
      .filter(([, value]) => value !== undefined)
      .map(([name, value]) => {
        const fact = element("div");
        fact.append(element("dt", name), element("dd", value));
        return fact;
      }),
  );
  byId("problems").replaceChildren(...(health.problems || []).map((text) => element("li", text)));
}

async function watchHealth() {
  try {
    showHealth(await json("/health"));
  } catch {
    showHealth({ status: "unreachable" });
  }
  setTimeout(watchHealth, HEALTH_MILLISECONDS);
}

async function download(url, name) {
  try {
    const link = element("a");
    link.href = URL.createObjectURL(await (await ask(url)).blob());
    link.download = name;
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 60000);
  } catch (error) {
    problem(error.message);
  }
}

function jobRow(job) {
  const row = element("li");
  const line = element("div", "", "line");
  const name = job.song_name || `${job.kind} ${job.conversion_id.slice(5, 13)}`;
  line.append(element("strong", name), element("span", job.status, "badge", job.status));
  const details = [
    job.status === "processing" && `${job.progress} %, ${(job.current_stage || "starting").replaceAll("_", " ")}`,
    job.queue_position && `number ${job.queue_position} in the queue`,
    !ENDED.includes(job.status) && seconds(job.estimated_time_remaining_seconds) &&
      `${seconds(job.estimated_time_remaining_seconds)} left`,
    job.error?.message,
  ];
  line.append(element("span", details.filter(Boolean).join(" · "), "soft"));
  for (const file of job.result?.files_expired ? [] : job.result?.files || []) {
    const button = element("button", file.name, "quiet");
    button.type = "button";
    button.addEventListener("click", () => download(file.url, file.name));
    line.append(button);
  }
  line.append(element("time", new Date(job.created_at).toLocaleString(), "soft", "end"));
  row.append(line);
  if (job.status === "processing") {
    const bar = element("progress");
    bar.max = 100;
    bar.value = job.progress;
    bar.setAttribute("aria-label", "Progress");
    row.append(bar);
  }
  return row;
}

async function watchJob(job) {
  while (!ENDED.includes(job.status) && rows.has(job.conversion_id)) {
    await new Promise((resolve) => setTimeout(resolve, STATUS_MILLISECONDS));
    if (document.hidden) continue;
    try {
      job = { ...job, ...(await json(`/api/v1/convert/status/${encodeURIComponent(job.conversion_id)}`)) };
    } catch {
      continue; // the service may restart; the next answer shows how the job stands
    }
    const row = rows.get(job.conversion_id);
    if (!row) return;
    const fresh = jobRow(job);
    row.replaceWith(fresh);
    rows.set(job.conversion_id, fresh);
  }
}

function list(id, items, none) {
  byId(id).replaceChildren(...(items.length ? items : [element("li", none, "soft")]));
}

function voiceRow(voice) {
  const row = element("li");
  const line = element("div", "", "line");
  const range = voice.vocal_range ? `${voice.vocal_range.min_note} – ${voice.vocal_range.max_note}` : "";
  line.append(
    element("strong", voice.profile_name),
    element("span", [range, voice.description].filter(Boolean).join(" · "), "soft"),
    element("code", voice.profile_id, "soft", "end"),
  );
  row.append(line);
  return row;
}

async function load() {
  problem("");
  rows.clear();
  if (needsKey && !sessionStorage.getItem(KEY)) {
    list("jobs", [], "Enter an API key to see your jobs.");
    list("voices", [], "Enter an API key to see your voices.");
    return;
  }
  try {
    const [jobs, voices] = await Promise.all([
      json("/api/v1/convert/jobs?limit=20"),
      json("/api/v1/voice/profiles?limit=50"),
    ]);
    for (const job of jobs.jobs) rows.set(job.conversion_id, jobRow(job));
    list("jobs", [...rows.values()], "No jobs yet. POST a song to /api/v1/convert/song.");
    list("voices", voices.profiles.map(voiceRow), "No voices yet. POST a recording to /api/v1/voice/clone.");
    jobs.jobs.forEach(watchJob);
  } catch (error) {
    problem(error.message);
  }
}

byId("key-form").addEventListener("submit", (event) => {
  event.preventDefault();
  sessionStorage.setItem(KEY, byId("key").value.trim());
  byId("key").value = "";
  load();
});
byId("forget").addEventListener("click", () => {
  sessionStorage.removeItem(KEY);
  load();
});
byId("refresh").addEventListener("click", load);
watchHealth();
load();
