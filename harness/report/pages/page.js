// Sorts, filters, turns pages, draws pictures and saves files. Whatever it shows comes
// from the blocks of JSON in this page, and is set as text, never as markup.
"use strict";
(() => {
  const ROWS = 50; // of a table at once
  const PRINTED_ROWS = 300, PRINTED_ROWS_OF_PICTURE = 20;
  const PRINTED_PX = { width: 1010, height: 620 }; // of A4, within page.css's margins
  const NARROW_PX = 500;
  const SMALL_PX = 9; // letters of a picture that is pressed onto one page
  const AHEAD = "600px"; // pictures are drawn so far before they come into view
  const ABSENT = "-";
  const find = (id) => document.getElementById(id);
  const read = (id) => JSON.parse(find(id).textContent);
  const collator = new Intl.Collator("en", { numeric: true });

  function element(name, properties, ...children) {
    const made = Object.assign(document.createElement(name), properties);
    made.append(...children);
    return made;
  }

  function button(content, onClick) {
    const made = element("button", { type: "button" }, ...content);
    made.addEventListener("click", onClick);
    return made;
  }

  // Long ids may be broken after their slashes, as the template breaks them.
  function breakable(text, kind) {
    if (kind !== "text") return [text];
    return text.split(/(?<=\/)/).flatMap((part) => [part, element("wbr")]).slice(0, -1);
  }

  function save(name, type, text) {
    const address = URL.createObjectURL(new Blob([text], { type }));
    const link = element("a", { href: address, download: name });
    document.body.append(link);
    link.click();
    link.remove();
    setTimeout(() => URL.revokeObjectURL(address), 60000);
  }

  // A cell of a column, as it is read, and as it is sorted and saved.
  function textOf(column, row) {
    if (column.levels) return column.levels[column.codes[row]];
    return column.texts ? column.texts[row] : String(column.values[row] ?? "");
  }

  function valueOf(column, row) {
    return column.levels ? textOf(column, row) : column.values[row];
  }

  function compare(a, b) {
    return typeof a === "number" ? a - b : collator.compare(a, b);
  }

  class Table {
    constructor(place) {
      this.place = place;
      this.columns = read(`${place.id}-data`).columns;
      this.shown = this.columns.filter((column) => !column.hidden);
      const first = this.columns[0];
      this.length = (first.codes ?? first.values).length;
      this.rows = [...Array(this.length).keys()];
      this.sorting = null;
      this.page = 0;
      this.limit = ROWS;
      this.body = place.querySelector("tbody");
      this.addSorting();
      this.addTools();
      this.addSideways();
      this.tell();
    }

    // Says how many columns lie beyond the edge, as long as any do.
    addSideways() {
      const scroll = this.place.querySelector(".scroll");
      const hint = element("p", { className: "sideways", hidden: true });
      scroll.before(hint);
      const watch = () => {
        const edge = scroll.scrollLeft + scroll.clientWidth;
        const beyond = this.heads.filter(
          (head) => head.offsetLeft + head.offsetWidth > edge + 1,
        ).length;
        const scrolls = scroll.scrollWidth > scroll.clientWidth + 1;
        hint.hidden = !scrolls || scroll.clientWidth === 0;
        hint.textContent = beyond
          ? `Scroll sideways: ${beyond} more column${beyond > 1 ? "s" : ""} →`
          : "← Scroll back for the first columns";
      };
      new ResizeObserver(watch).observe(scroll);
      scroll.addEventListener("scroll", watch, { passive: true });
    }

    addSorting() {
      this.heads = [...this.place.querySelectorAll("thead th")];
      this.heads.forEach((head, at) => {
        const { title, unit } = this.shown[at];
        head.dataset.title = unit ? `${title} (${unit})` : title;
        head.append(button([...head.childNodes], () => this.sort(at)));
        head.setAttribute("aria-sort", "none");
      });
    }

    addTools() {
      const tools = this.place.querySelector(".tools");
      this.previous = button(["Previous rows"], () => this.turn(-1));
      this.next = button(["Next rows"], () => this.turn(1));
      this.range = element("span", { className: "range" });
      this.range.setAttribute("aria-live", "polite");
      const caption = this.place.querySelector(".caption").textContent;
      const saver = button(["Download CSV"], () => this.save());
      saver.setAttribute("aria-label", `Download CSV: ${caption}`);
      tools.append(this.previous, this.next, this.range, saver);
      tools.hidden = false;
    }

    sort(at) {
      const isDescending = this.sorting?.at === at && !this.sorting.isDescending;
      this.sorting = { at, isDescending };
      this.heads.forEach((head, i) => {
        const direction = isDescending ? "descending" : "ascending";
        head.setAttribute("aria-sort", i === at ? direction : "none");
      });
      this.order();
      this.page = 0;
      this.render();
    }

    // What is not known comes last, whichever way the rest is sorted.
    order() {
      if (!this.sorting) return;
      const { at, isDescending } = this.sorting;
      const column = this.shown[at];
      const known = (row) => ![null, "", ABSENT].includes(valueOf(column, row));
      const sign = isDescending ? -1 : 1;
      this.rows.sort((a, b) => {
        if (known(a) !== known(b)) return known(a) ? -1 : 1;
        const order = known(a) ? compare(valueOf(column, a), valueOf(column, b)) : 0;
        return sign * order || a - b;
      });
    }

    filter(text, facets) {
      const columns = this.columns.filter((column) => column.levels);
      const wanted = columns.filter((column) => facets[column.facet]);
      const hits = columns.map((column) =>
        column.levels.map((level) => level.toLowerCase().includes(text)),
      );
      this.rows = [...Array(this.length).keys()].filter(
        (row) =>
          wanted.every((column) => textOf(column, row) === facets[column.facet]) &&
          (!text || columns.some((column, i) => hits[i][column.codes[row]])),
      );
      this.order();
      this.page = 0;
      this.render();
    }

    turn(by) {
      this.page += by;
      this.render();
    }

    render() {
      const start = this.page * this.limit;
      const rows = this.rows.slice(start, start + this.limit);
      const made = rows.map((row) => element("tr", {}, ...this.cells(row)));
      if (!made.length) {
        const cell = element("td", { colSpan: this.shown.length }, "No row matches.");
        made.push(element("tr", {}, cell));
      }
      this.body.replaceChildren(...made);
      this.tell();
    }

    cells(row) {
      return this.shown.map((column, i) => {
        const cell = element(i ? "td" : "th", { className: this.heads[i].className });
        cell.append(...breakable(textOf(column, row), cell.className));
        if (!i) cell.scope = "row";
        return cell;
      });
    }

    tell() {
      const start = this.page * this.limit;
      const end = Math.min(start + this.limit, this.rows.length);
      const of = this.rows.length.toLocaleString("en");
      const isWhole = this.rows.length <= this.limit;
      this.range.textContent = `rows ${start + 1} to ${end} of ${of}`;
      this.range.hidden = this.previous.hidden = this.next.hidden = isWhole;
      this.previous.disabled = start === 0;
      this.next.disabled = end >= this.rows.length;
      this.place.dataset.cut = isWhole ? "" : `Printed: rows ${start + 1} to ${end} of ${of}.`;
    }

    // Every column, those that are not shown too, of the rows that match the filters.
    save() {
      const heads = this.columns.map((column) =>
        quoted(column.unit ? `${column.title} (${column.unit})` : column.title),
      );
      const lines = this.rows.map((row) =>
        this.columns.map((column) => quoted(saved(column, row))).join(","),
      );
      const text = [heads.join(","), ...lines].join("\r\n") + "\r\n";
      save(`speechmark-${this.place.id}.csv`, "text/csv", `\ufeff${text}`);
    }
  }

  function saved(column, row) {
    const text = textOf(column, row);
    if (text === ABSENT) return "";
    return column.levels ? text : String(column.values[row] ?? text);
  }

  // A spreadsheet takes text that begins with = + - @ for a formula, and runs it.
  function quoted(text) {
    const isNumber = text.trim() !== "" && Number.isFinite(Number(text));
    const guarded = /^\s*[=+\-@]|^[\t\r]/.test(text) && !isNumber ? `'${text}` : text;
    return /[",\r\n]/.test(guarded) ? `"${guarded.replaceAll('"', '""')}"` : guarded;
  }

  // Tables under pictures are made when they are opened: hundreds of them would be slow.
  const tables = new Map();
  function tableAt(place) {
    if (!tables.has(place)) {
      const table = new Table(place);
      tables.set(place, table);
      if (place.closest("figure")) table.render();
    }
    return tables.get(place);
  }

  const isShown = (place) => !place.closest("details:not([open])");
  for (const place of document.querySelectorAll(".table")) {
    if (isShown(place)) tableAt(place);
  }
  for (const details of document.querySelectorAll("details")) {
    details.addEventListener("toggle", () => {
      for (const place of details.querySelectorAll(".table")) {
        if (isShown(place)) tableAt(place);
      }
    });
  }

  // A link to a folded part, from the contents or from outside, opens it.
  function openLinked() {
    const target = location.hash.length > 1 && find(decodeURIComponent(location.hash.slice(1)));
    if (!target) return;
    const own = target.querySelector(":scope > details");
    for (let one = own ?? target.closest("details"); one; one = one.parentElement.closest("details")) {
      one.open = true;
    }
    target.scrollIntoView();
  }
  addEventListener("hashchange", openLinked);
  openLinked();

  // Filters
  const filters = find("filters");
  function applyFilters() {
    const { text, ...facets } = Object.fromEntries(new FormData(filters));
    const filtered = [...document.querySelectorAll("[data-filtered]")].map(tableAt);
    for (const table of filtered) table.filter(text.trim().toLowerCase(), facets);
    const isFiltered = text.trim() !== "" || Object.values(facets).some(Boolean);
    for (const section of document.querySelectorAll("section.workload")) {
      const place = section.querySelector("[data-filtered]");
      const isOther = facets.workload && facets.workload !== section.dataset.title;
      section.hidden = place === null ? Boolean(isOther) : tableAt(place).rows.length === 0;
      if (isFiltered && place && !section.hidden) section.querySelector("details").open = true;
    }
    const cases = filtered.filter((table) => table.place.closest("section.workload"));
    const count = (counted) =>
      cases.reduce((sum, table) => sum + counted(table), 0).toLocaleString("en");
    const matching = count((table) => table.rows.length);
    const all = count((table) => table.length);
    find("match-count").textContent = `${matching} of ${all} cases with a verdict`;
  }

  let waiting = null;
  filters.addEventListener("input", () => {
    clearTimeout(waiting);
    waiting = setTimeout(applyFilters, 120);
  });
  filters.addEventListener("reset", () => setTimeout(applyFilters));
  filters.addEventListener("submit", (event) => event.preventDefault());
  filters.hidden = document.querySelector("[data-filtered]") === null;

  // Pictures
  const look = read("look");
  const canPoint = matchMedia("(pointer: fine)").matches;
  const config = {
    displaylogo: false,
    displayModeBar: canPoint ? "hover" : false,
    responsive: true,
    // By default plotly.js offers to send the picture's data to its makers.
    showSendToCloud: false,
    plotlyServerURL: "",
    modeBarButtons: [["zoom2d", "pan2d", "resetScale2d", "toImage"]],
  };

  // plotly.js is text until it is needed: to run it takes longer than all the rest.
  function runPlotly() {
    if (window.Plotly) return;
    document.head.append(element("script", { textContent: find("plotly").textContent }));
  }

  // Colours of the pictures by those that stand for them on a dark page.
  const dark = matchMedia("screen and (prefers-color-scheme: dark)");
  const DARK = {
    "#ffffff": "#0d1117", // paper
    "#222222": "#e6edf3", // ink
    "#000000": "#ffffff",
    "#595959": "#a5afba", // grey
    "#e4e4e4": "#30363d", // light
    "#f2f2f2": "#1c2128", // bands
    "#0072B2": "#58a6e0",
  };
  function darkened(value, key = "") {
    if (Array.isArray(value)) return value.map((one) => darkened(one, key));
    if (typeof value === "string") return (/color/i.test(key) && DARK[value]) || value;
    if (value === null || typeof value !== "object") return value;
    return Object.fromEntries(
      Object.entries(value).map(([name, inner]) => [name, darkened(inner, name)]),
    );
  }

  function draw(figure, isDark = dark.matches) {
    if (figure.dataset.drawn === String(isDark)) return;
    figure.dataset.drawn = isDark;
    runPlotly();
    const plot = figure.querySelector(".plot");
    let made = { ...read(`${figure.id}-figure`) };
    made.layout.template = structuredClone(look);
    if (isDark) made = darkened(made);
    const { data, layout } = made;
    if (plot.clientWidth < NARROW_PX) {
      layout.font = { size: 11 };
    }
    // A finger that moves over a picture scrolls the page.
    if (!canPoint) layout.dragmode = false;
    Plotly.react(plot, data, layout, config);
  }

  const pictures = [...document.querySelectorAll(".picture")];
  const watcher = new IntersectionObserver(
    (entries) => {
      for (const entry of entries.filter((one) => one.isIntersecting)) {
        watcher.unobserve(entry.target);
        draw(entry.target);
      }
    },
    { rootMargin: AHEAD },
  );
  for (const picture of pictures) watcher.observe(picture);
  dark.addEventListener("change", () => {
    for (const picture of pictures.filter((one) => one.dataset.drawn)) draw(picture);
  });
  const whenIdle = window.requestIdleCallback ?? setTimeout;
  if (pictures.length) addEventListener("load", () => whenIdle(runPlotly));

  // The whole comparison
  async function unpacked(text) {
    const bytes = Uint8Array.from(atob(text), (one) => one.charCodeAt(0));
    const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("gzip"));
    return new Response(stream).text();
  }
  find("save-document")?.addEventListener("click", async () => {
    const text = await unpacked(find("comparison-gzip").textContent);
    save("speechmark-comparison.json", "application/json", text);
  });
  find("save-document")?.parentElement.removeAttribute("hidden");

  // Paper has no buttons: everything is opened, drawn and as wide as the paper is.
  let opened = [];
  const sizes = new Map(); // of pictures, on the screen
  function resize(plot, size) {
    plot.style.height = `${size.height}px`;
    Plotly.relayout(plot, size);
  }

  addEventListener("beforeprint", () => {
    opened = [...document.querySelectorAll("details:not([open])")];
    for (const details of opened) details.open = true;
    for (const place of document.querySelectorAll(".table")) {
      const table = tableAt(place);
      table.limit = place.closest("figure") ? PRINTED_ROWS_OF_PICTURE : PRINTED_ROWS;
      table.page = 0;
      table.render();
    }
    for (const picture of pictures.filter((one) => !one.closest("[hidden]"))) {
      draw(picture, false);
      const plot = picture.querySelector(".plot");
      const { height, font } = plot.layout;
      sizes.set(plot, { height, "font.size": font?.size ?? null });
      resize(plot, {
        autosize: false,
        width: PRINTED_PX.width,
        height: Math.min(height, PRINTED_PX.height),
        "font.size": height > PRINTED_PX.height ? SMALL_PX : null,
      });
    }
  });
  addEventListener("afterprint", () => {
    for (const details of opened) details.open = false;
    for (const table of tables.values()) {
      table.limit = ROWS;
      table.render();
    }
    for (const [plot, size] of sizes) resize(plot, { autosize: true, width: null, ...size });
    sizes.clear();
    for (const picture of pictures.filter((one) => one.dataset.drawn)) draw(picture);
  });
})();
