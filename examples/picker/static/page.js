// Gives the token of TADA to the pickers when they need one, and shows what was picked.
for (const picker of document.querySelectorAll("tada-picker")) {
  picker.token = async () => (await fetch("token")).text();
}
document.addEventListener("tada-pick", (event) => {
  document.getElementById("told").textContent = JSON.stringify(event.detail.assets, null, 2);
});
