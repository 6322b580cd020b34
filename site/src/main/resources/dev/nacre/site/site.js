// Colours code, draws diagrams, searches.
const up = document.body.dataset.up;

document.querySelectorAll("pre > code:not(.mermaid)").forEach(code => hljs.highlightElement(code));

if (document.querySelector("code.mermaid")) {
    const script = document.createElement("script");
    script.src = up + "assets/mermaid.js";
    script.onload = () => {
        for (const code of document.querySelectorAll("code.mermaid")) {
            const drawing = document.createElement("pre");
            drawing.className = "mermaid";
            drawing.textContent = code.textContent;
            code.closest("pre").replaceWith(drawing);
        }
        const dark = matchMedia("(prefers-color-scheme: dark)").matches;
        mermaid.initialize({startOnLoad: false, theme: dark ? "dark" : "neutral"});
        mermaid.run();
    };
    document.body.append(script);
}

const query = document.getElementById("site-query");
const results = document.getElementById("site-results");
let index;

function build() {
    index ??= lunr(function () {
        this.ref("id");
        this.field("heading", {boost: 10});
        this.field("page", {boost: 3});
        this.field("text");
        SECTIONS.forEach((s, id) => this.add({id, ...s}));
    });
    return index;
}

/** The sections that hold all words, the last one possibly unfinished; else those that hold any. */
function find(words) {
    const search = presence =>
        build().query(q => words.forEach((w, i) => {
            q.term(w, {presence, boost: 10});
            if (i === words.length - 1) q.term(w, {presence: lunr.Query.presence.OPTIONAL, wildcard: lunr.Query.wildcard.TRAILING});
        }));
    const all = search(lunr.Query.presence.REQUIRED);
    return all.length ? all : search(lunr.Query.presence.OPTIONAL);
}

/** The text around the first word found. */
function excerpt(text, words) {
    const at = Math.max(0, ...words.map(w => text.toLowerCase().indexOf(w)));
    return (at > 40 ? "… " : "") + text.slice(Math.max(0, at - 40), at + 120);
}

query.addEventListener("input", () => {
    const words = lunr.tokenizer(query.value).map(t => t.toString()).filter(w => w);
    results.replaceChildren(...(words.length ? find(words).slice(0, 12) : []).map(hit => {
        const s = SECTIONS[hit.ref];
        const link = document.createElement("a");
        link.href = up + s.url;
        const title = document.createElement("b");
        title.textContent = s.heading === s.page ? s.page : s.page + " › " + s.heading;
        const text = document.createElement("small");
        text.textContent = excerpt(s.text, words);
        link.append(title, text);
        const item = document.createElement("li");
        item.append(link);
        return item;
    }));
    if (words.length && !results.children.length) results.append("Nothing found");
    results.hidden = !words.length;
});

document.addEventListener("keydown", e => {
    if (e.key === "/" && document.activeElement !== query) {
        e.preventDefault();
        query.focus();
    } else if (e.key === "Escape") {
        results.hidden = true;
    } else if (e.key === "Enter" && document.activeElement === query) {
        results.querySelector("a")?.click();
    }
});
document.addEventListener("click", e => {
    if (!e.target.closest(".search")) results.hidden = true;
});
