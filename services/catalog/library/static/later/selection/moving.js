// Where the selected files are to be moved: a folder that there is, or a new one.
import { useEffect, useState } from "preact/hooks";
import { trail } from "../../address.js";
import { html } from "../../html.js";
import { t } from "../../texts.js";
import { useLibrary, useLibraryState } from "../../views/context.js";
import { Icon } from "../../views/icons.js";
import { move } from "./acts.js";
import { Sheet } from "./dialogs.js";

const NEW = /^[A-Za-z0-9@_-]{1,90}(\/[A-Za-z0-9@_-]{1,90}){0,9}$/;

export function MoveDialog({ chosen, count, onClose }) {
  const library = useLibrary();
  const folders = useLibraryState((state) => state.folders);
  const [path, setPath] = useState(() => startOf(library, chosen));
  const [added, setAdded] = useState("");
  const [rename, setRename] = useState(false);
  const isNew = added.trim() !== "";
  const isValid = !isNew || NEW.test(added.trim());
  const folder = isNew ? `${path}/${added.trim()}` : path;
  const known = folders[path || "/"];
  useEffect(() => {
    if (!known) library.loadFolders(path || "/");
  }, [path]);
  const inside = (known?.inside ?? []).filter(({ path: one }) => library.may("write", one.split("/")[1]));
  const namespace = path.split("/")[1];
  const others = [...chosen.files.values()].filter((file) => file.namespace !== namespace).length;
  return html`<${Sheet}
    title=${t("selection.move.title", { count })}
    send=${path ? t("selection.move.send", { name: isValid ? folder : path }) : t("selection.move.choose")}
    isReady=${path !== "" && isValid}
    onSend=${() => move(library, chosen, count, folder, rename)}
    onClose=${onClose}
  >
    <nav class="steps" aria-label=${t("where")}>
      <button type="button" class="crumb" aria-current=${path ? undefined : "page"} onClick=${() => setPath("")}>${t("folders")}</button>
      ${trail(path).map(
        ({ name, path: step }) => html`<span aria-hidden="true">/</span
          ><button type="button" class="crumb" aria-current=${step === path ? "page" : undefined} onClick=${() => setPath(step)}>${name}</button>`,
      )}
    </nav>
    <ul class="inside" aria-label=${t("folders")}>
      ${inside.map(
        ({ path: one }) => html`<li key=${one}>
          <button type="button" class="button plain" onClick=${() => setPath(one)}>
            <${Icon} name="folder" size=${18} /><span class="cut">${one.slice(path.length + 1)}</span><${Icon} name="right" size=${16} />
          </button>
        </li>`,
      )}
      ${known && inside.length === 0 && html`<li class="quiet pad">${t("selection.move.none")}</li>`}
    </ul>
    ${path &&
    html`<div class="field">
      <label for="folder-new">${t("selection.move.new", { name: path })}</label>
      <input
        id="folder-new"
        type="text"
        autocomplete="off"
        maxlength="200"
        value=${added}
        aria-invalid=${!isValid}
        aria-describedby="folder-rule"
        onInput=${(event) => setAdded(event.target.value)}
      />
      <small id="folder-rule" class=${isValid ? "" : "warning"}>${t("selection.move.rule")}</small>
    </div>`}
    <label class="check">
      <input type="checkbox" checked=${rename} onChange=${() => setRename(!rename)} />${t("selection.move.rename")}
    </label>
    ${path && !chosen.isAll && others > 0 && html`<p class="notice"><span>${t("selection.move.others", { count: others, name: namespace })}</span></p>`}
  <//>`;
}

// Return where to begin: the folder that is shown, or the namespace of the files.
function startOf(library, chosen) {
  const { folder } = library.view;
  if (folder && library.may("write", folder.split("/")[1])) return folder;
  const [first] = chosen.files.values();
  const namespace = first?.namespace ?? library.writable[0];
  return library.may("write", namespace) ? `/${namespace}` : "";
}
