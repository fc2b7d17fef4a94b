// What pages do beyond being read: colours, filters and orders of tables, the search, printing.
"use strict";
(() => {
  const make = (name, properties = {}, ...children) => {
    const element = Object.assign(document.createElement(name), properties);
    element.append(...children);
    return element;
  };

  // Colours. A plot for dark pages follows the choice too, not the system alone.
  const root = document.documentElement;
  const system = matchMedia("(prefers-color-scheme: dark)");
  const isDark = () => (root.dataset.theme ? root.dataset.theme === "dark" : system.matches);
  const applyColours = () => {
    for (const source of document.querySelectorAll("picture source[media]")) {
      source.dataset.media ??= source.media;
      if (source.dataset.media.includes("dark")) source.media = isDark() ? "all" : "not all";
      else if (source.dataset.media.includes("light")) source.media = isDark() ? "not all" : "all";
    }
    document.dispatchEvent(new Event("colours"));
  };
  const colours = document.querySelector(".theme select");
  colours.value = root.dataset.theme || "auto";
  colours.addEventListener("change", () => {
    if (colours.value === "auto") delete root.dataset.theme;
    else root.dataset.theme = colours.value;
    try {
      localStorage.setItem("harness-colours", colours.value);
    } catch {
      // It lasts for this page then.
    }
    applyColours();
  });
  system.addEventListener("change", applyColours);
  applyColours();

  // The contents are folded where they would come before everything else.
  const contents = document.querySelector(".contents details");
  if (contents && !matchMedia("(min-width: 70rem)").matches) contents.open = false;

  // A place within folded details is shown when a link leads there.
  const unfold = () => {
    let place = document.getElementById(decodeURIComponent(location.hash.slice(1)));
    const found = place;
    for (; place; place = place.parentElement) if (place.tagName === "DETAILS") place.open = true;
    if (found) found.scrollIntoView();
  };
  addEventListener("hashchange", () => !location.hash.includes("=") && unfold());
  if (location.hash && !location.hash.includes("=")) unfold();

  // On paper nothing is folded, and colours are light.
  let folded = [];
  addEventListener("beforeprint", () => {
    folded = [...document.querySelectorAll("main details:not([open])")];
    for (const each of folded) each.open = true;
    for (const source of document.querySelectorAll("picture source[media]"))
      if (source.dataset.media.includes("dark")) source.media = "not all";
    for (const image of document.images) image.loading = "eager";
  });
  addEventListener("afterprint", () => {
    for (const each of folded) each.open = false;
    applyColours();
  });

  // On a phone rows are cards, which must stay tables to those who do not see them.
  const narrow = matchMedia("screen and (max-width: 47rem)");
  const roles = { TABLE: "table", THEAD: "rowgroup", TBODY: "rowgroup", TR: "row", TD: "cell" };
  const nameParts = () => {
    if (!narrow.matches) return;
    for (const table of document.querySelectorAll("table.cards:not([role])")) {
      const titles = [...table.tHead.rows[0].cells].map((cell) => cell.textContent.trim());
      for (const part of [table, ...table.querySelectorAll("thead, tbody, tr, td")])
        part.setAttribute("role", roles[part.tagName]);
      for (const head of table.tHead.rows[0].cells) head.setAttribute("role", "columnheader");
      if (!table.classList.contains("data")) continue;
      for (const row of table.tBodies[0].rows)
        for (const cell of row.cells)
          if (cell.cellIndex > 0) cell.dataset.label = titles[cell.cellIndex];
    }
  };

  // Tables of data: what is asked of one is kept in the address, so that it can be linked to.
  const tables = [...document.querySelectorAll("table.data")];
  const asked = new URLSearchParams(
    location.hash.includes("=") ? location.hash.slice(1) : location.search
  );
  const keep = () => {
    const kept = new URLSearchParams([...asked].filter(([, value]) => value));
    try {
      history.replaceState(null, "", `${location.pathname}#${kept}`);
    } catch {
      // A browser may not let pages from disk change their address.
    }
  };
  const plain = (words) => words.toLowerCase().normalize("NFKD").replace(/\p{M}/gu, "");

  for (const table of tables) {
    const body = table.tBodies[0];
    const heads = [...table.tHead.rows[0].cells];
    const prefix = table === tables[0] ? "" : `${table.dataset.rows}.`;
    const rows = [...body.rows].map((row) => ({
      row,
      words: plain([...row.cells].map((cell) => cell.textContent).join(" \n")),
      keys: [...row.cells].map((cell) => cell.dataset.v ?? cell.dataset.k ?? cell.textContent),
    }));
    const filter = make("form", { className: "filter" });
    filter.setAttribute("aria-label", `Filter ${table.dataset.rows}`);
    const status = make("p");
    status.setAttribute("role", "status");
    const field = (title, input, className = "") =>
      filter.append(make("label", { className }, title, input));

    const search = make("input", { type: "search", value: asked.get("q") ?? "" });
    field(`Filter ${table.dataset.rows}`, search);
    const choosers = [];
    heads.forEach((head, column) => {
      if (!("choices" in head.dataset)) return;
      const title = head.textContent;
      const found = [...new Set(rows.map((each) => each.keys[column]))].sort();
      if (found.length < 2) return;
      const chooser = make("select", {}, new Option("all", ""), ...found.map((v) => new Option(v)));
      chooser.value = asked.get(prefix + title) ?? "";
      if (chooser.selectedIndex < 0) chooser.value = "";
      choosers.push({ column, title, chooser });
      field(title, chooser);
    });

    const show = () => {
      const words = plain(search.value).split(/\s+/).filter(Boolean);
      let count = 0;
      for (const { row, words: all, keys } of rows) {
        const fits =
          words.every((word) => all.includes(word)) &&
          choosers.every(({ column, chooser }) => !chooser.value || keys[column] === chooser.value);
        row.hidden = !fits;
        count += fits;
      }
      status.textContent = `${count.toLocaleString("en")} of ${rows.length.toLocaleString("en")} ${table.dataset.rows}`;
      const section = table.closest(".matches");
      if (section) section.classList.toggle("shown", words.length > 0 || choosers.some((c) => c.chooser.value));
    };

    const order = (column, descending) => {
      const numbers = heads[column].classList.contains("to-right");
      const sign = descending ? -1 : 1;
      const sorted = [...rows].sort((one, other) => {
        const [a, b] = [one.keys[column], other.keys[column]];
        if (!numbers) return sign * a.localeCompare(b, "en", { numeric: true });
        if (a === "" || b === "") return (a === "") - (b === ""); // what is not there comes last
        return sign * (Number(a) - Number(b));
      });
      body.append(...sorted.map((each) => each.row));
      heads.forEach((head, index) =>
        index === column
          ? head.setAttribute("aria-sort", descending ? "descending" : "ascending")
          : head.removeAttribute("aria-sort")
      );
      sorting.value = `${column} ${descending ? "down" : "up"}`;
    };
    const ask = (column, descending) => {
      order(column, descending);
      asked.set(`${prefix}sort`, heads[column].textContent);
      asked.set(`${prefix}down`, descending ? "1" : "");
      keep();
    };

    const sorting = make("select", {}, new Option("as it is", ""));
    heads.forEach((head, column) => {
      const title = head.textContent;
      sorting.append(new Option(`${title}, up`, `${column} up`), new Option(`${title}, down`, `${column} down`));
      const button = make("button", { type: "button", textContent: title });
      button.addEventListener("click", () =>
        ask(column, head.getAttribute("aria-sort") === "ascending")
      );
      head.replaceChildren(button);
    });
    sorting.addEventListener("change", () => {
      const [column, direction] = sorting.value.split(" ");
      if (direction) ask(Number(column), direction === "down");
    });
    field("sort by", sorting, "sorting");
    filter.append(status);
    filter.addEventListener("submit", (event) => event.preventDefault());
    search.addEventListener("input", () => {
      asked.set("q", search.value);
      for (const other of document.querySelectorAll(".filter input[type=search]"))
        if (other !== search && other.value !== search.value) {
          other.value = search.value;
          other.dispatchEvent(new Event("again"));
        }
      show();
      keep();
    });
    search.addEventListener("again", show);
    for (const { chooser, title } of choosers)
      chooser.addEventListener("change", () => {
        asked.set(prefix + title, chooser.value);
        show();
        keep();
      });
    table.closest(".scroll").before(filter);
    show();
    const wanted = heads.findIndex((head) => head.textContent === asked.get(`${prefix}sort`));
    if (wanted >= 0) order(wanted, asked.get(`${prefix}down`) === "1");
  }

  // On the page that is searched, the field at the top filters as one types.
  const find = document.getElementById("site-find");
  const first = document.querySelector(".filter input[type=search]");
  if (find && first && document.querySelector(".matches")) {
    find.value = asked.get("q") ?? "";
    find.addEventListener("input", () => {
      first.value = find.value;
      first.dispatchEvent(new Event("input"));
    });
    find.form.addEventListener("submit", (event) => event.preventDefault());
  }
  nameParts();
  narrow.addEventListener("change", nameParts);
})();
