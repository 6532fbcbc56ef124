"use strict";
const [form, query, state, found] = ["form", "query", "state", "found"].map((id) => document.getElementById(id));
let turn = 0;

function element(name, text) {
  const made = document.createElement(name);
  if (text !== undefined) made.textContent = text;
  return made;
}

function figure(picture) {
  const box = element("figure");
  const like = element("button");
  like.type = "button";
  like.title = "Pictures like this one";
  like.addEventListener("click", () => go({ like: picture.row }));
  const image = element("img");
  image.src = `/picture.jpg?row=${picture.row}`;
  image.alt = picture.caption ?? picture.key;
  image.loading = "lazy";
  like.append(image);
  const caption = element("figcaption", picture.caption || picture.key);
  caption.append(element("small", `${picture.score.toFixed(3)} · ${picture.picture ?? picture.key}`));
  box.append(like, caption);
  return box;
}

function tell(text, isError) {
  state.textContent = text;
  state.classList.toggle("error", Boolean(isError));
}

async function show(wanted) {
  const mine = ++turn;
  query.value = wanted.q ?? "";
  const words = new URLSearchParams({ ...wanted, k: 24 });
  try {
    const response = await fetch(`/search.json?${words}`);
    const answer = await response.json();
    if (mine !== turn) return;
    if (!response.ok) throw new Error(answer.error ?? response.statusText);
    found.replaceChildren(...answer.pictures.map(figure));
    const what = wanted.q === undefined ? `like picture ${wanted.like}` : `“${wanted.q}”`;
    tell(`${what}: the first ${answer.pictures.length} of ${answer.count.toLocaleString("en")} pictures, `
      + `${(1000 * answer.seconds).toFixed(0)} ms`);
  } catch (error) {
    if (mine === turn) tell(`No answer: ${error.message}`, true);
  }
}

// What is looked for stands in the address behind the #, so that going back works and a search can be kept.
function go(wanted) {
  const words = `#${new URLSearchParams(wanted)}`;
  if (location.hash === words) show(wanted); else location.hash = words;
}

function follow() {
  const wanted = Object.fromEntries(new URLSearchParams(location.hash.slice(1)));
  if (wanted.q || wanted.like) show(wanted);
}

form.addEventListener("submit", (event) => {
  event.preventDefault();
  if (query.value.trim()) go({ q: query.value.trim() });
});
addEventListener("hashchange", follow);
follow();
