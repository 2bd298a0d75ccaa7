export default {
  "login.away": "The login service does not answer, or does not allow this page to ask it. Try again in a moment.",
  "login.begin": "Sign in with {name}",
  "login.blocked": "The browser has blocked the window. Allow windows for this page, then try again.",
  "login.or": "Or enter a token. It is kept until you close this tab.",
  "login.plain": "Logins need TLS (https). Use a token, or ask the people who run TADA.",
  "login.refused": "The login service has refused:",
  "login.strange": "The answer of the login service cannot be used. Tell the people who run TADA.",
  "login.waiting": "Waiting for {name}…",
};
