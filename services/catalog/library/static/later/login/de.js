export default {
  "login.away": "Der Anmeldedienst antwortet nicht, oder diese Seite darf ihn nicht fragen. Versuchen Sie es gleich noch einmal.",
  "login.begin": "Mit {name} anmelden",
  "login.blocked": "Der Browser hat das Fenster blockiert. Erlauben Sie Fenster für diese Seite, und versuchen Sie es noch einmal.",
  "login.or": "Oder geben Sie ein Token ein. Es bleibt, bis Sie diesen Tab schließen.",
  "login.plain": "Anmeldungen brauchen TLS (https). Verwenden Sie ein Token, oder fragen Sie, wer TADA betreibt.",
  "login.refused": "Der Anmeldedienst hat abgelehnt:",
  "login.strange": "Die Antwort des Anmeldedienstes ist nicht brauchbar. Sagen Sie es denen, die TADA betreiben.",
  "login.waiting": "Warten auf {name} …",
};
