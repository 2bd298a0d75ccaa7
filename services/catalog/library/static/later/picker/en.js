export default {
  "picker.clear": "Choose none",
  "picker.count": { one: "{count} file chosen", other: "{count} files chosen" },
  "picker.gone": { one: "{count} file was deleted meanwhile. It is not chosen any more.", other: "{count} files were deleted meanwhile. They are not chosen any more." },
  "picker.many": { one: "Choose a file", other: "Choose up to {count} files" },
  "picker.most": { one: "Only one file can be chosen.", other: "At most {count} files can be chosen." },
  "picker.one": "Choose a file",
  "picker.refused": "No files can be chosen here",
  "picker.refused.text": "The page that has opened this one is not allowed to. The people who run TADA can allow it (LIBRARY_EMBEDDERS).",
  "picker.take": "Choose",
};
