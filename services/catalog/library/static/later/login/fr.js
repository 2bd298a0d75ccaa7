export default {
  "login.away": "Le service de connexion ne répond pas, ou ne permet pas à cette page de l’interroger. Réessayez dans un instant.",
  "login.begin": "Se connecter avec {name}",
  "login.blocked": "Le navigateur a bloqué la fenêtre. Autorisez les fenêtres pour cette page, puis réessayez.",
  "login.or": "Ou entrez un jeton. Il est gardé jusqu’à la fermeture de cet onglet.",
  "login.plain": "La connexion exige TLS (https). Utilisez un jeton, ou demandez à ceux qui exploitent TADA.",
  "login.refused": "Le service de connexion a refusé :",
  "login.strange": "La réponse du service de connexion est inutilisable. Prévenez ceux qui exploitent TADA.",
  "login.waiting": "En attente de {name}…",
};
