export default {
  "picker.clear": "Ne rien choisir",
  "picker.count": { one: "{count} fichier choisi", other: "{count} fichiers choisis" },
  "picker.gone": { one: "{count} fichier a été supprimé entre-temps. Il n’est plus choisi.", other: "{count} fichiers ont été supprimés entre-temps. Ils ne sont plus choisis." },
  "picker.many": { one: "Choisissez un fichier", other: "Choisissez jusqu’à {count} fichiers" },
  "picker.most": { one: "Un seul fichier peut être choisi.", other: "{count} fichiers peuvent être choisis au plus." },
  "picker.one": "Choisissez un fichier",
  "picker.refused": "Aucun fichier ne peut être choisi ici",
  "picker.refused.text": "La page qui a ouvert celle-ci n’y est pas autorisée. Les responsables de TADA peuvent l’autoriser (LIBRARY_EMBEDDERS).",
  "picker.take": "Choisir",
};
