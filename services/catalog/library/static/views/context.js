// The library and parts of its state, for components.
import { createContext } from "preact";
import { useContext, useEffect, useLayoutEffect, useRef, useState } from "preact/hooks";
import { usePart } from "../store.js";
import { addTexts } from "../texts.js";
import { close, open } from "./front.js";

export const LibraryContext = createContext(null);

export const useLibrary = () => useContext(LibraryContext);

export function useLibraryState(part) {
  return usePart(useLibrary().store, part);
}

// Return the ref of a dialog that is open while its component is there. It opens a moment later: the key that asks for it
// may be the one that closes it. Closing it, before it is removed, gives the focus back.
export function useModal() {
  const dialog = useRef();
  useEffect(() => open(dialog.current), []);
  useLayoutEffect(() => {
    const { current } = dialog;
    return () => close(current);
  }, []);
  return dialog;
}

// Return what a module that is loaded when it is needed exports, null until it is there.
export function useLater(load, isNeeded = true) {
  const library = useLibrary();
  const [found, set] = useState(null);
  const fetch = () => load().then((module) => set(() => module), () => library.sayOffline(fetch));
  useEffect(() => {
    if (isNeeded && !found) fetch();
  }, [isNeeded]);
  return found;
}

// A part of the page that is loaded when it is needed: the folder later/NAME, with its code, style and texts.
export const part = (name) => async () => {
  const folder = `later/${name}`;
  const [module] = await Promise.all([import(`../${folder}/main.js`), addStyle(`${folder}/style.css`), addTexts(folder)]);
  return module;
};

// Add a style of the page, and return when it is there.
export function addStyle(path) {
  const href = new URL(`../${path}`, import.meta.url).href;
  if ([...document.styleSheets].some((sheet) => sheet.href === href)) return null;
  return new Promise((resolve, reject) => {
    const link = Object.assign(document.createElement("link"), { rel: "stylesheet", href, onload: resolve, onerror: reject });
    document.head.append(link);
  });
}
