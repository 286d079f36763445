// What the pages do by themselves; without it they are still pages with links and forms.
"use strict";

const frame = document.querySelector("[data-page]");

// --- small conveniences

document.addEventListener("click", (event) => {
  const copy = event.target.closest("[data-copy]");
  if (copy) {
    // Of a block of code, the code is there already.
    const text = copy.dataset.copy || copy.previousElementSibling.textContent;
    navigator.clipboard?.writeText(text).then(() => {
      const words = copy.innerHTML;
      copy.textContent = "✓";
      setTimeout(() => { copy.innerHTML = words; }, 1200);
    });
    return;
  }
  if (event.target.closest("[data-theme-switch]")) {
    const root = document.documentElement;
    const dark = root.dataset.theme
      ? root.dataset.theme === "dark"
      : matchMedia("(prefers-color-scheme: dark)").matches;
    root.dataset.theme = dark ? "light" : "dark";
    try { localStorage.setItem("modelyard-theme", root.dataset.theme); } catch { /* not kept */ }
    return;
  }
  const side = document.querySelector(".side");
  if (event.target.closest(".menu-button")) {
    event.preventDefault();
    side.classList.toggle("open");
    if (side.classList.contains("open")) side.querySelector("a").focus();
  } else if (side?.classList.contains("open") && !event.target.closest(".side")) {
    side.classList.remove("open");
  }
});

document.addEventListener("keydown", (event) => {
  if (event.key === "Escape") document.querySelector(".side.open")?.classList.remove("open");
  const typing = event.target.closest("input, textarea, select");
  if (event.key === "/" && !typing && !event.ctrlKey && !event.metaKey) {
    const find = document.querySelector(".find input");
    if (find) { event.preventDefault(); find.focus(); }
  }
});

document.addEventListener("change", (event) => {
  if (event.target.matches("[data-submit]")) event.target.form.requestSubmit();
});

document.addEventListener("submit", (event) => {
  const question = event.submitter?.dataset.confirm;
  if (question && !confirm(question)) event.preventDefault();
});

// --- charts: the numbers under the pointer

document.addEventListener("pointermove", (event) => {
  const svg = event.target.closest?.("svg[data-chart]");
  document.querySelectorAll(".tip, .hair").forEach((old) => old.remove());
  if (!svg) return;
  const series = JSON.parse(svg.dataset.chart);
  const box = svg.getBoundingClientRect();
  const x = (event.clientX - box.left) / box.width * svg.viewBox.baseVal.width;
  const nearest = (points) => points.reduce((best, point) =>
    Math.abs(point[0] - x) < Math.abs(best[0] - x) ? point : best);
  const found = series.map((one) => [one.name, nearest(one.points)]);
  const hair = document.createElementNS("http://www.w3.org/2000/svg", "line");
  for (const [name, value] of [["x1", found[0][1][0]], ["x2", found[0][1][0]], ["y1", 12], ["y2", svg.viewBox.baseVal.height - 28]])
    hair.setAttribute(name, value);
  hair.setAttribute("class", "hair");
  svg.append(hair);
  const tip = document.createElement("div");
  tip.className = "tip";
  tip.textContent = [found[0][1][2], ...found.map(([name, point]) => `${name}  ${point[3]}`)].join("\n");
  svg.closest("figure").append(tip);
});

// --- logs stay at their end, unless somebody scrolled away from it

const atEnd = (log) => log.scrollHeight - log.scrollTop - log.clientHeight < 24;
document.querySelectorAll("[data-log]").forEach((log) => { log.scrollTop = log.scrollHeight; });

// --- looking again: parts that changed are replaced, what somebody is typing in is not

const touched = new WeakSet();
document.addEventListener("input", (event) => {
  const part = event.target.closest("[data-live]");
  if (part) touched.add(part);
});

function replace(old, fresh) {
  if (old.innerHTML === fresh.innerHTML || touched.has(old)) return;
  if (old.contains(document.activeElement) && document.activeElement.matches("input, textarea, select")) return;
  const open = [...old.querySelectorAll("details")].map((one) => one.open);
  const logs = new Map([...old.querySelectorAll("[data-log]")].map((log) => [log.id, [atEnd(log), log.scrollTop]]));
  const focused = old.contains(document.activeElement) ? document.activeElement : null;
  const path = focused && (focused.id ? `#${CSS.escape(focused.id)}` : focused.getAttribute("href") && `[href="${CSS.escape(focused.getAttribute("href"))}"]`);
  old.innerHTML = fresh.innerHTML;
  old.querySelectorAll("details").forEach((one, index) => { if (open[index]) one.open = true; });
  old.querySelectorAll("[data-log]").forEach((log) => {
    const [end, top] = logs.get(log.id) ?? [true, 0];
    log.scrollTop = end ? log.scrollHeight : top;
  });
  if (path) old.querySelector(path)?.focus();
}

async function lookAgain() {
  const answer = await fetch(frame.dataset.page, { headers: { "X-Console-Refresh": "1" } });
  if (answer.status === 401) { location.reload(); return; }
  if (!answer.ok) return;
  const page = new DOMParser().parseFromString(await answer.text(), "text/html");
  document.querySelectorAll("[data-live]").forEach((part) => {
    const fresh = page.getElementById(part.id);
    if (fresh) replace(part, fresh);
  });
  const main = page.querySelector("[data-page]");
  if (main) frame.dataset.seconds = main.dataset.seconds;
}

if (frame?.dataset.page) {
  const EVERY = 4000;
  let seen = null;
  let looked = Date.now();
  const lost = document.createElement("div");
  lost.className = "lost";
  lost.setAttribute("role", "status");
  const tick = async () => {
    if (!document.hidden) {
      try {
        const answer = await fetch("/console/pulse");
        if (answer.status === 401 && !touched.size) { await lookAgain(); }
        const pulse = answer.ok ? (await answer.json()).event : seen;
        lost.remove();
        const seconds = Number(frame.dataset.seconds);
        const due = seconds > 0 && Date.now() - looked >= seconds * 1000;
        if ((seen !== null && pulse !== seen) || due) {
          looked = Date.now();
          await lookAgain();
        }
        seen = pulse;
      } catch {
        lost.textContent = "The server does not answer; trying again…";
        document.body.append(lost);
      }
    }
    setTimeout(tick, EVERY);
  };
  setTimeout(tick, EVERY);
}
