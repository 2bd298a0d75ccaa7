// Templates that make elements. What stands in them as a value is text or an attribute, never markup.
import { h } from "preact";
import htm from "htm";

export const html = htm.bind(h);
