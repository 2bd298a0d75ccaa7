// The issuer has led back here. What it says goes to the page that has opened this window, and to nobody else.
const said = Object.fromEntries(new URLSearchParams(location.search));
const message = { type: "tada.signed-in", said };
// It is not left in the history.
history.replaceState(null, "", location.pathname);
// Some issuers cut the connection between the windows. Then the page hears it in another way.
if (window.opener) window.opener.postMessage(message, location.origin);
else new BroadcastChannel("tada.login").postMessage(message);
window.close();
