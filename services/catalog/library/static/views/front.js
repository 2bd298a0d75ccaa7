// Where messages are: in front of everything. All that is outside a modal dialog is behind it, and out of reach. So they
// go into the dialog that was opened last.
export const messages = Object.assign(document.createElement("div"), { className: "toasts", role: "status", ariaLive: "polite" });

let dialogs = [];
const place = () => (dialogs.at(-1) ?? document.body).append(messages);
place();

export function open(dialog) {
  dialog.showModal();
  dialogs = [...dialogs, dialog];
  place();
}

export function close(dialog) {
  dialogs = dialogs.filter((one) => one !== dialog);
  place();
  dialog.close();
}
