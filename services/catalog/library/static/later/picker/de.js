export default {
  "picker.clear": "Nichts wählen",
  "picker.count": { one: "{count} Datei gewählt", other: "{count} Dateien gewählt" },
  "picker.gone": { one: "{count} Datei wurde inzwischen gelöscht. Sie ist nicht mehr gewählt.", other: "{count} Dateien wurden inzwischen gelöscht. Sie sind nicht mehr gewählt." },
  "picker.many": { one: "Eine Datei wählen", other: "Bis zu {count} Dateien wählen" },
  "picker.most": { one: "Nur eine Datei kann gewählt werden.", other: "Höchstens {count} Dateien können gewählt werden." },
  "picker.one": "Eine Datei wählen",
  "picker.refused": "Hier können keine Dateien gewählt werden",
  "picker.refused.text": "Die Seite, die diese geöffnet hat, darf das nicht. Wer TADA betreibt, kann es erlauben (LIBRARY_EMBEDDERS).",
  "picker.take": "Wählen",
};
