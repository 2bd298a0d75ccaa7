// The library and parts of its state, for components.
import { createContext } from "preact";
import { useContext, useEffect, useState } from "preact/hooks";
import { usePart } from "../store.js";

export const LibraryContext = createContext(null);

export const useLibrary = () => useContext(LibraryContext);

export function useLibraryState(part) {
  return usePart(useLibrary().store, part);
}

// Return what a module that is loaded when it is needed exports, null until it is there.
export function useLater(load, isNeeded = true) {
  const [found, set] = useState(null);
  useEffect(() => {
    if (isNeeded && !found) load().then((module) => set(() => module));
  }, [isNeeded]);
  return found;
}
