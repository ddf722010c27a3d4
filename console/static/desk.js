// The desk's script. Every page works without it; it saves clicks and whole-page loads.
"use strict";

const one = (selector, within = document) => within.querySelector(selector);

const parsed = async (answer) => new DOMParser().parseFromString(await answer.text(), "text/html");

// Which page is shown; the address's last part only names a place on it.
let here = location.pathname + location.search;

// Swap: a form or link whose answer replaces only the page's main part.
async function swap(address, options = {}, form = null) {
  const answer = await fetch(address, { ...options, credentials: "same-origin", headers: { "X-Desk": "swap" } });
  const next = await parsed(answer);
  const at = lines().indexOf(form?.closest(LINE)), top = scrollY;
  if (!one("header.top", next)) {
    // The name or an error page: show it whole, unless something may have been typed.
    if (answer.ok) location.assign(answer.url);
    else if (form) await refuse(form, answer, next);
    else document.body.replaceWith(document.adoptNode(next.body));
    return;
  }
  one("header.top").replaceWith(document.adoptNode(one("header.top", next)));
  one("main").replaceWith(document.adoptNode(one("main", next)));
  document.title = next.title;
  if (answer.ok && form) forget(form);
  // A form that is answered in place has no page of its own to come back to.
  const shown = form && !answer.redirected ? location.href : answer.url;
  if (shown !== location.href) history.pushState({}, "", shown);
  here = location.pathname + location.search;
  if (answer.ok && at >= 0 && lines().length) {
    // Somebody works through a list: what followed has taken its place.
    scrollTo(0, top);
    stand(at);
  } else {
    scrollTo(0, 0);
    // Without scrolling, or the heading would end up under the header that stays.
    one("main").focus({ preventScroll: true });
  }
  // A screen reader tells what changes in a place it knows, not what came with a new one.
  one("#said").textContent = [one("main .notice[role=status]"), one("h1")].map((part) => part?.innerText ?? "").join(" ");
  ready();
}

// A form that the server did not take stays, with what was typed and why it was not taken.
async function refuse(form, answer, page) {
  let reason = one("[role=alert]", page)?.textContent ?? "처리하지 못했습니다. 다시 눌러 주세요.";
  const gate = one("a[target]", page);
  if (answer.status === 403 && !gate && await renew(form)) {
    const who = one(".who a[href='/me'], .who a[href='/name']").textContent;
    reason = `그 사이에 ${who} 님으로 다시 로그인되었습니다. 쓰신 내용은 그대로 있습니다. 한 번 더 눌러 주세요.`;
  }
  one(".kept")?.remove();
  const notice = document.createElement("p");
  notice.className = "notice bad kept";
  notice.setAttribute("role", "alert");
  notice.append(reason, " ", gate ? document.adoptNode(gate) : "");
  form.append(notice);
  free(form);
}

// Another sign-in has another form token; gives whether there is one.
async function renew(form) {
  const now = await parsed(await fetch(location.href, { credentials: "same-origin" }));
  const top = one("header.top", now), token = one("[name=form_token]", now)?.value;
  if (!top || !token || token === one("[name=form_token]", form).value) return false;
  one("header.top").replaceWith(document.adoptNode(top));
  for (const field of document.querySelectorAll("[name=form_token]")) field.value = token;
  return true;
}

// What is being written and not yet sent, by form and field: it outlives the page being swapped.
const written = new Map();
const place = (field) => `${new URL(field.form.action).pathname} ${field.name}`;

function keep(field) {
  if (!field.form?.matches("[data-swap]")) return;
  if (field.type !== "radio" && field.value === field.defaultValue) written.delete(place(field));
  else written.set(place(field), field.value);
}

// With a decision goes all that was typed for its case: what was not sent can no longer be.
function forget(form) {
  for (const field of form.elements) if (field.name) written.delete(place(field));
  if (!form.matches(".decide")) return;
  const ofCase = new URL(".", form.action).pathname;
  for (const key of written.keys()) if (key.startsWith(ofCase)) written.delete(key);
}

// A decided case takes no more words: what was typed for it is shown once, and no longer asked about.
function release() {
  const decided = one("[data-decided]");
  if (!decided) return;
  const ofCase = `/cases/${one("#others").dataset.case}/`;
  const typed = written.get(`${ofCase}approve text`);
  for (const key of written.keys()) if (key.startsWith(ofCase)) written.delete(key);
  if (typed === undefined || one(".notice.bad .reply")) return;
  const label = document.createElement("p"), words = document.createElement("p");
  label.textContent = "그 사이에 결정된 케이스라 쓰시던 답변은 보낼 수 없습니다. 필요하면 복사해 두세요.";
  words.className = "reply";
  words.textContent = typed;
  const notice = document.createElement("div");
  notice.className = "notice warn";
  notice.setAttribute("role", "status");
  notice.append(label, words);
  decided.prepend(notice);
}

function restore() {
  for (const field of document.querySelectorAll("form[data-swap] :is(input, select, textarea):not([type=hidden])")) {
    const words = written.get(place(field));
    if (words === undefined) continue;
    if (field.type === "radio") field.checked = field.value === words;
    else field.value = words;
    const fold = field.closest("details");
    if (fold) fold.open = true;
  }
}

document.addEventListener("input", (event) => keep(event.target));

// Texts are asked about before the page goes; a choice is soon made again.
addEventListener("beforeunload", (event) => {
  if ([...written.keys()].some((key) => key.endsWith(" text"))) event.preventDefault();
});

function free(form) {
  for (const button of form.querySelectorAll("button")) button.disabled = false;
}

let sending = false;

document.addEventListener("submit", (event) => {
  const form = event.target;
  if (form.matches("[data-swap]")) {
    event.preventDefault();
    // A soft lock: somebody came first, so a decision is asked for twice.
    if (form.matches(".decide") && one("#others[data-held]") && !form.dataset.sure) {
      form.dataset.sure = "yes";
      say("다른 사람이 먼저 보고 있는 케이스입니다. 그래도 결정하려면 한 번 더 눌러 주세요.");
      return;
    }
    // Until it is answered nothing else is sent: a second press was meant for this page, too.
    if (sending) return;
    sending = true;
    const body = new URLSearchParams(new FormData(form, event.submitter));
    for (const button of form.querySelectorAll("button")) button.disabled = true;
    swap(form.action, { method: "POST", body }, form).catch(() => {
      free(form);
      say("서버에 닿지 않습니다. 다시 눌러 주세요.");
    }).finally(() => { sending = false; });
  }
});

// What a double click meant is gone with its first press: the second would settle, unread, what came in its place.
document.addEventListener("click", (event) => {
  if (event.detail > 1 && event.target.closest("form[data-swap] button")) event.preventDefault();
});

document.addEventListener("click", (event) => {
  const link = event.target.closest("a[data-swap]");
  if (!link || event.button || event.metaKey || event.ctrlKey || event.shiftKey) return;
  event.preventDefault();
  swap(link.href).catch(() => location.assign(link.href));
});

// Back and forward swap, too: what is being written outlives them.
addEventListener("popstate", () => {
  if (location.pathname + location.search !== here) swap(location.href).catch(() => location.reload());
});

// By keyboard each step through a list is a change: whoever goes by keys presses 적용.
let byKeys = false;
document.addEventListener("pointerdown", () => { byKeys = false; });
document.addEventListener("keydown", (event) => { byKeys = event.target.matches("select"); });

document.addEventListener("change", (event) => {
  const form = event.target.closest("form[data-auto]");
  if (form && event.target.matches("select") && !byKeys) form.requestSubmit();
});

document.addEventListener("change", (event) => {
  if (!event.target.matches("[name=picked]")) return;
  one("#picked").textContent = `${document.querySelectorAll("[name=picked]:checked").length}건을`;
});

document.addEventListener("click", async (event) => {
  const copy = event.target.closest("[data-copy]");
  if (!copy) return;
  const field = document.getElementById(copy.dataset.copy);
  field.select();
  try {
    await navigator.clipboard.writeText(field.value);
    say("복사했습니다.");
  } catch {
    say("선택해 두었습니다. 직접 복사해 주세요.");
  }
});

function say(text) {
  one(".toast")?.remove();
  const toast = document.createElement("div");
  toast.className = "toast";
  toast.ariaHidden = "true";
  toast.textContent = text;
  one("#said").textContent = text;
  document.body.append(toast);
  setTimeout(() => toast.remove(), 4000);
}

// The editor: length in the channel's unit, and a button that says what it will do.
function lengthOf(text, unit) {
  return unit === "bytes" ? new TextEncoder().encode(text).length : [...text].length;
}

function measure() {
  const editor = one("#text");
  if (!editor) return;
  const edited = editor.value.trim() !== editor.dataset.original.trim();
  const length = lengthOf(editor.value.trim(), editor.dataset.unit);
  const shown = one("#length");
  shown.textContent = length.toLocaleString("ko");
  shown.parentElement.classList.toggle("over", length > Number(editor.dataset.limit));
  // The sentences above are those of the page; what is typed now has none.
  const typed = one("#sentences.typed");
  if (typed) typed.hidden = editor.value !== editor.defaultValue;
  const label = one("#approve-button span");
  label.textContent = edited ? label.dataset.edited : "승인";
}

// The server checks what is being written; the newest answer counts.
let pause, asked = 0;

async function check() {
  const form = one("#approve");
  if (!form) return;
  const turn = ++asked;
  const body = new URLSearchParams(new FormData(form));
  try {
    const answer = await fetch(form.action.replace(/approve.*$/, "check"), { method: "POST", body });
    if (!answer.ok || turn !== asked) return;
    const { findings } = await answer.json();
    one("#findings")?.replaceChildren(...findings.map(({ level, reason }) => {
      const line = document.createElement("li");
      const word = document.createElement("b");
      word.textContent = level === "blocking" ? "막힘" : "주의";
      line.className = level;
      line.append(word, " ", reason);
      return line;
    }));
  } catch { /* The decision itself is checked again. */ }
}

document.addEventListener("input", (event) => {
  if (event.target.id !== "text") return;
  measure();
  clearTimeout(pause);
  pause = setTimeout(check, 400);
});

document.addEventListener("click", (event) => {
  const take = event.target.closest("[data-take]");
  if (!take) return;
  one("#edit").open = true;
  one("#text").value = one(".reply", take.closest("article")).textContent;
  keep(one("#text"));
  measure();
  check();
});

document.addEventListener("toggle", async (event) => {
  if (event.target.id !== "alternatives" || !event.target.open) return;
  const answer = await fetch(event.target.dataset.from);
  one("div", event.target).replaceChildren(...(await parsed(answer)).body.childNodes);
}, true);

// Who else has this case open.
async function present() {
  // A decided case on which nobody is signed in has no form, and nobody to come in the way of.
  const others = one("#others"), token = one("[name=form_token]");
  if (!others || !token || document.hidden) return;
  const body = new URLSearchParams({ form_token: token.value });
  try {
    const answer = await fetch(`/cases/${others.dataset.case}/presence`, { method: "POST", body });
    const { others: names, held } = answer.ok ? await answer.json() : { others: [], held: false };
    const text = names.length ? `${names.join(", ")} 님${held ? "이 먼저" : "도"} 보고 있습니다` : "";
    if (others.textContent !== text) others.textContent = text;
    others.toggleAttribute("data-held", held);
  } catch { /* Nobody is disturbed by a lost greeting. */ }
}

setInterval(present, 15000);

document.addEventListener("toggle", (event) => {
  if (event.target.id === "edit") {
    event.target.closest(".draft").classList.toggle("editing", event.target.open);
    // A page that comes with it open leaves the keys as they are.
    if (event.target.open && event.target.contains(document.activeElement)) one("#text").focus();
  }
}, true);

// Keys. They act only where their button or link stands on the page.
const LINE = "[data-queue] > :is(li, article)";
const lines = () => [...document.querySelectorAll(LINE)];

function stand(at) {
  const all = lines();
  const to = all[Math.min(Math.max(at, 0), all.length - 1)];
  one(".at")?.classList.remove("at");
  to.classList.add("at");
  (one("[data-case]", to) ?? to).focus();
}

function walk(step) {
  const all = lines();
  if (all.length) stand(all.findIndex((line) => line.classList.contains("at")) + step);
  return all.length > 0;
}

const press = (selector) => { const found = one(selector); found?.click(); return Boolean(found); };
const submit = (selector) => { const form = one(selector); form?.requestSubmit(); return Boolean(form); };

function unfold(selector, field) {
  const details = one(selector);
  if (!details) return false;
  details.open = true;
  one(field, details).focus();
  // Its button, too, not the field alone.
  details.scrollIntoView({ block: "nearest" });
  return true;
}

// What may be repeated by holding the key down. Held a moment too long, an "a" would approve unread cases.
const REPEATED = "jk";

const KEYS = {
  j: () => walk(1) || press("[data-key=next]"),
  k: () => walk(-1) || press("[data-key=previous]"),
  a: () => submit("#approve, #confirm"),
  e: () => unfold("#edit", "textarea"),
  r: () => unfold("#reject", "select"),
  u: () => submit("[data-undo]"),
  m: () => submit("#mine"),
  o: () => press(".at [value=fine]"),
  c: () => press(".at [value=case]"),
  "?": () => { const help = one("#help"); help?.showModal(); return Boolean(help); },
  "/": () => { const search = one("#search"); search?.focus(); return Boolean(search); },
};

document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || event.isComposing || one("dialog[open]")) return;
  if (event.target.matches("input, textarea, select")) {
    // It would press the form's first button: approve whatever is picked.
    if (event.key === "Enter" && event.target.matches("[name=picked]")) event.preventDefault();
    if (event.key === "Escape") event.target.blur();
    return;
  }
  // In Hangul the key of an "a" says "ㅁ", or nothing; where it lies on the keyboard stays.
  const key = /^[ -~]$/.test(event.key) ? event.key : event.code.replace("Key", "").toLowerCase();
  if (event.repeat && !REPEATED.includes(key)) return;
  if (KEYS[key]?.()) event.preventDefault();
});

function ready() {
  // On a phone the menu is wider than the screen.
  one(".top nav [aria-current]")?.scrollIntoView({ block: "nearest", inline: "center" });
  // What only the script can do is offered by it.
  for (const part of document.querySelectorAll("#alternatives, [data-copy]")) part.hidden = false;
  release();
  restore();
  measure();
  present();
}

ready();
