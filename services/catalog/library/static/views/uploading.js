// Files that are dropped anywhere, pasted or chosen. The tray is loaded with the first ones.
import { useEffect, useRef, useState } from "preact/hooks";
import { html } from "../html.js";
import { t } from "../texts.js";

const hasFiles = (event) => event.dataTransfer?.types.includes("Files");

// Return what to call with files (`add`), whether some are held above the page, and the tray if there is one.
export function useUploading(library) {
  const [isOver, setOver] = useState(false);
  const [tray, setTray] = useState(null);
  const depth = useRef(0);

  const add = async (files) => {
    if (!library.mayUpload) {
      library.say(t("readonly"), { kind: "error" });
      return;
    }
    let module;
    let given;
    try {
      [module, given] = await Promise.all([import("../later/tray.js"), files]);
    } catch {
      library.sayOffline(() => add(files));
      return;
    }
    setTray(html`<${module.Tray} />`);
    if (given.length) module.accept(library, given);
  };

  useEffect(() => {
    const enter = (event) => {
      if (!hasFiles(event)) return;
      depth.current += 1;
      setOver(true);
    };
    const leave = (event) => {
      if (!hasFiles(event)) return;
      depth.current -= 1;
      if (depth.current <= 0) setOver(false);
    };
    const over = (event) => hasFiles(event) && event.preventDefault();
    const drop = (event) => {
      if (!hasFiles(event)) return;
      event.preventDefault();
      depth.current = 0;
      setOver(false);
      add(dropped(event.dataTransfer));
    };
    const paste = (event) => {
      const files = [...(event.clipboardData?.files ?? [])];
      if (files.length) add(files.map((file) => ({ file, folder: "" })));
    };
    const all = { dragenter: enter, dragleave: leave, dragover: over, drop, paste };
    for (const [name, listener] of Object.entries(all)) document.addEventListener(name, listener);
    return () => {
      for (const [name, listener] of Object.entries(all)) document.removeEventListener(name, listener);
    };
  }, []);
  return { add, isOver, tray };
}

// Return the files of a drop, each with the folders that it was in. What was dropped can be read only during the event,
// so this begins at once.
async function dropped(transfer) {
  const entries = [...transfer.items].map((item) => item.webkitGetAsEntry?.()).filter(Boolean);
  if (entries.length === 0) return [...transfer.files].map((file) => ({ file, folder: "" }));
  const found = [];
  for (const entry of entries) await walk(entry, "", found);
  return found;
}

async function walk(entry, folder, found) {
  // Systems put files of their own into folders: .DS_Store and others.
  if (entry.name.startsWith(".")) return;
  if (entry.isFile) {
    found.push({ file: await new Promise((resolve, reject) => entry.file(resolve, reject)), folder });
    return;
  }
  const reader = entry.createReader();
  const inside = folder ? `${folder}/${entry.name}` : entry.name;
  for (;;) {
    // A folder is read in pieces, the last of which is empty.
    const piece = await new Promise((resolve, reject) => reader.readEntries(resolve, reject));
    if (piece.length === 0) return;
    for (const one of piece) await walk(one, inside, found);
  }
}
