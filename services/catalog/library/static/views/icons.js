// Icons, drawn with one stroke. They say nothing that is not also said by a text.
import { html } from "../html.js";

const PATHS = {
  menu: "M4 7h16M4 12h16M4 17h16",
  search: "M11 4a7 7 0 1 0 0 14 7 7 0 0 0 0-14M16.5 16.5 20 20",
  upload: "M12 16V5m0 0L7.5 9.5M12 5l4.5 4.5M5 15v3a1.5 1.5 0 0 0 1.5 1.5h11A1.5 1.5 0 0 0 19 18v-3",
  download: "M12 5v11m0 0 4.5-4.5M12 16l-4.5-4.5M5 19.5h14",
  grid: "M5 5h5.5v5.5H5zM13.5 5H19v5.5h-5.5zM5 13.5h5.5V19H5zM13.5 13.5H19V19h-5.5z",
  list: "M9 7h10M9 12h10M9 17h10M5 7h.01M5 12h.01M5 17h.01",
  close: "M6.5 6.5l11 11m0-11-11 11",
  folder: "M4 8V6.5A1.5 1.5 0 0 1 5.5 5h3.6l2 2.5h7.4A1.5 1.5 0 0 1 20 9v8.5a1.5 1.5 0 0 1-1.5 1.5h-13A1.5 1.5 0 0 1 4 17.5z",
  left: "M14 7l-5 5 5 5",
  right: "M10 7l5 5-5 5",
  down: "M7 10l5 5 5-5",
  file: "M7 4h7l4 4v11a1 1 0 0 1-1 1H7a1 1 0 0 1-1-1V5a1 1 0 0 1 1-1zM14 4v4h4",
  picture: "M5 5h14v14H5zM5 16l4-4 3 3 3-3 4 4M9.5 9.5h.01",
  copy: "M9 9h10v10H9zM5 15V5h10",
  crop: "M7 3v14h14M3 7h14v14M12 12h.01",
  check: "M5.5 12.5l4 4 9-9",
  warn: "M12 5l8 14H4zM12 10.5v4M12 17h.01",
  trash: "M5 7h14M10 7V5h4v2M7 7l.8 12h8.4L17 7M10.5 10.5v5M13.5 10.5v5",
  pause: "M9 6v12M15 6v12",
  play: "M8.5 6l9 6-9 6z",
  retry: "M19 12a7 7 0 1 1-2.2-5.1M19 4v4h-4",
  replace: "M6 8h11l-3-3M18 16H7l3 3",
  calendar: "M5 6.5h14V19H5zM5 10.5h14M9 4v4M15 4v4",
  clock: "M12 5a7 7 0 1 0 0 14 7 7 0 0 0 0-14M12 8v4l3 2",
  disk: "M5 7c0-2.4 14-2.4 14 0v10c0 2.4-14 2.4-14 0zM5 7c0 2.4 14 2.4 14 0M5 12c0 2.4 14 2.4 14 0",
  theme: "M12 4a8 8 0 1 0 0 16zM12 4v16",
  box: "M4 5h16v4.5H4zM5.5 9.5V19h13V9.5M10 13h4",
  pulse: "M3.5 12H8l2.5-6.5 4 13L17 12h3.5",
  tag: "M11 4H4v7l8.5 8.5 7-7zM8 8h.01",
  edit: "M4.5 19.5v-3.8L15.6 4.6l3.8 3.8L8.3 19.5zM13.3 6.9l3.8 3.8",
  out: "M10 5H6v14h4M13 8l4 4-4 4M17 12H9.5",
};

export function Icon({ name, size = 20 }) {
  return html`<svg
    class="icon"
    viewBox="0 0 24 24"
    width=${size}
    height=${size}
    aria-hidden="true"
    focusable="false"
  ><path d=${PATHS[name]} /></svg>`;
}
