// What the browser keeps for this page. In a frame of another page it may refuse to: then it is kept until the page ends.
const memory = new Map();

export function recall(area, name) {
  try {
    return window[area].getItem(name);
  } catch {
    return memory.get(name) ?? null;
  }
}

// Keep a text; "" is none.
export function keep(area, name, text) {
  try {
    if (text) window[area].setItem(name, text);
    else window[area].removeItem(name);
  } catch {
    memory.set(name, text || null);
  }
}
