// The state of the page: one object that is replaced as a whole, and those who are told of it.
import { useEffect, useReducer, useRef } from "preact/hooks";

export class Store {
  #told = new Set();

  constructor(state) {
    this.state = state;
  }

  // Replace some fields.
  set(fields) {
    this.state = { ...this.state, ...fields };
    for (const tell of [...this.#told]) tell();
  }

  subscribe(tell) {
    this.#told.add(tell);
    return () => this.#told.delete(tell);
  }
}

// Return a part of the state. The component is rendered again when that part is another one.
export function usePart(store, part) {
  const [, again] = useReducer((count) => count + 1, 0);
  const value = part(store.state);
  const last = useRef();
  last.current = { value, part };
  useEffect(() => {
    const look = () => {
      const { value: before, part: current } = last.current;
      if (!Object.is(current(store.state), before)) again();
    };
    look();
    return store.subscribe(look);
  }, [store]);
  return value;
}
