// Starts the page.
import { render } from "preact";
import { html } from "./html.js";
import { Library } from "./library.js";
import { App } from "./views/app.js";

const library = new Library();
await library.start();
render(html`<${App} library=${library} />`, document.getElementById("library"));
