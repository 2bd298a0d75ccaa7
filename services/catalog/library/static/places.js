// What the main area can show besides the files: which role sees it, and its icon. Each is a part of that name, in later/.
export const PLACES = Object.freeze({
  calendar: { role: "read", icon: "calendar" },
  room: { role: "read", icon: "disk" },
  jobs: { role: "admin", icon: "play" },
  dumps: { role: "admin", icon: "box" },
  webhooks: { role: "admin", icon: "out" },
  health: { role: "admin", icon: "pulse" },
});
