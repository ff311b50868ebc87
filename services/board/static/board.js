// Keeps an open page true: counts the time left, and fetches the page again when the views have changed.
// Without this script every page is complete as it was served.
"use strict";

(() => {
  const SECOND = 1000, MINUTE = 60 * SECOND, HOUR = 60 * MINUTE, DAY = 24 * HOUR;
  const REFRESH_AT_MOST_EVERY = 1000; // a busy system changes several times a second; nobody reads that fast
  const REFRESH_AT_LEAST_EVERY = MINUTE; // the time of day moves on even where nothing happens

  let servedNow = 0, servedAt = 0, speed = 1, version = null, units = [];

  function takeClock(body) {
    servedNow = Number(body.dataset.now);
    servedAt = Date.now();
    speed = Number(body.dataset.speed) || 1;
    version = body.dataset.version ?? null;
    units = body.dataset.units.split("|"); // days, hours, minutes and seconds in the page's language
  }

  // The server's time, which in a time-lapse runs faster than the reader's.
  const now = () => servedNow + (Date.now() - servedAt) * speed;

  const two = (number) => String(number).padStart(2, "0");

  // The same words as `gap` in services/board/times.py.
  function gap(length) {
    const at = (unit, of) => Math.floor((of ? length % of : length) / unit);
    const [days, hours, minutes, seconds] = units.map((unit) => (amount) => unit.replace("{}", amount));
    if (length >= DAY) return `${days(at(DAY))} ${hours(at(HOUR, DAY))}`;
    if (length >= HOUR) return `${hours(at(HOUR))} ${minutes(two(at(MINUTE, HOUR)))}`;
    if (length >= MINUTE) return `${minutes(at(MINUTE))} ${seconds(two(at(SECOND, MINUTE)))}`;
    return seconds(at(SECOND));
  }

  // The same words as `duration` in services/board/times.py: counted time is never told in days.
  function duration(length) {
    const hours = Math.floor(length / HOUR), minutes = Math.floor(length % HOUR / MINUTE), seconds = Math.floor(length % MINUTE / SECOND);
    const parts = [[hours, 1], [minutes, 2], [hours ? 0 : seconds, 3]];
    const said = parts.filter(([amount]) => amount).map(([amount, unit]) => units[unit].replace("{}", amount));
    return said.join(" ") || units[3].replace("{}", 0);
  }

  function count() {
    const at = now();
    for (const element of document.querySelectorAll(".countdown")) {
      const { counted, step, until, since, words } = element.dataset;
      let length;
      if (since !== undefined) {
        length = gap(Math.abs(at - Number(since)));
      } else {
        length = duration(Math.max(Number(counted) + Number(step) * (Math.min(at, Number(until)) - servedNow), 0));
        if (at > Number(until)) askRefresh(); // hours began or ended, or it is due now
      }
      const told = words.replace("{}", length);
      if (element.textContent !== told) element.textContent = told;
    }
  }

  // How to find the focused element again once the part around it has been replaced.
  function focusMark() {
    const focused = document.activeElement;
    const part = focused && focused.closest("[data-live]");
    if (!part) return null;
    if (focused.id) return { part: part.id, find: (within) => within.querySelector(`#${CSS.escape(focused.id)}`) };
    const href = focused.getAttribute("href");
    const nth = href === null ? -1 : [...part.querySelectorAll("a")].filter((a) => a.getAttribute("href") === href).indexOf(focused);
    if (nth < 0) return null;
    return { part: part.id, find: (within) => [...within.querySelectorAll("a")].filter((a) => a.getAttribute("href") === href)[nth] };
  }

  // What somebody is filling in stays as it is, while everything around it is replaced.
  function keepOpenForms(part, next) {
    for (const kept of part.querySelectorAll("[data-keep]")) {
      const place = kept.querySelector("details[open]") && next.querySelector(`#${CSS.escape(kept.id)}`);
      if (place) place.replaceWith(kept);
    }
  }

  function swap(fresh) {
    const mark = focusMark();
    const x = window.scrollX, y = window.scrollY;
    for (const part of document.querySelectorAll("[data-live]")) {
      const next = fresh.getElementById(part.id);
      if (!next) continue;
      document.adoptNode(next);
      keepOpenForms(part, next);
      part.replaceWith(next);
    }
    if (mark) {
      const within = document.getElementById(mark.part);
      const found = within && mark.find(within);
      if (found) found.focus({ preventScroll: true });
    }
    window.scrollTo(x, y);
  }

  let isFetching = false, isAsked = false, lastRefresh = Date.now();

  async function refresh() {
    isFetching = true;
    isAsked = false;
    lastRefresh = Date.now();
    try {
      const answer = await fetch(location.href, { headers: { Accept: "text/html" }, cache: "no-store", redirect: "error" });
      if (answer.ok) {
        const fresh = new DOMParser().parseFromString(await answer.text(), "text/html");
        takeClock(fresh.body);
        swap(fresh);
        count();
      }
    } catch {
      // The server is away; the stream connects again by itself and then tells whether anything has changed.
    } finally {
      isFetching = false;
    }
  }

  // Replacing the page would take away the text that somebody is about to copy.
  const isSelecting = () => { const selection = getSelection(); return selection !== null && !selection.isCollapsed; };

  const askRefresh = () => { isAsked = true; };

  function tick() {
    count();
    const since = Date.now() - lastRefresh;
    if (document.hidden || isFetching || isSelecting()) return;
    if ((isAsked && since >= REFRESH_AT_MOST_EVERY) || since >= REFRESH_AT_LEAST_EVERY) refresh();
  }

  function showState(isLive) {
    const state = document.getElementById("live-state");
    const words = isLive ? state.dataset.wordsLive : state.dataset.wordsAway;
    state.hidden = false;
    state.classList.toggle("away", !isLive);
    if (state.textContent !== words) state.textContent = words;
  }

  function listen() {
    const stream = new EventSource("/api/v1/stream");
    stream.addEventListener("open", () => showState(true));
    stream.addEventListener("error", () => {
      showState(false);
      // A browser gives up on an answer that is no stream (a proxy's error page); we do not.
      if (stream.readyState === EventSource.CLOSED) setTimeout(listen, 5 * SECOND);
    });
    stream.addEventListener("changed", (event) => {
      if (String(JSON.parse(event.data).version) !== version) askRefresh();
    });
    addEventListener("pagehide", () => stream.close(), { once: true });
    addEventListener("pageshow", (event) => { if (event.persisted) location.reload(); }, { once: true });
  }

  takeClock(document.body);
  if (version !== null) {
    setInterval(tick, SECOND);
    count();
    listen();
  }
})();
