// Starts the page.
import { render } from "preact";
import { html } from "./html.js";
import { Library } from "./library.js";
import { App } from "./views/app.js";
import { LibraryContext } from "./views/context.js";
import { messages } from "./views/front.js";
import { Toasts } from "./views/toasts.js";

const library = new Library();
await library.start();
const show = (view, place) => render(html`<${LibraryContext.Provider} value=${library}><${view} /><//>`, place);
show(App, document.getElementById("library"));
show(Toasts, messages);
